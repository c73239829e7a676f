import { StanzaError } from '../../errors.ts';
import { JID, JidError } from '../../jid.ts';
import { attr, child, children, type Element, el, text } from '../../xml/element.ts';
import { NS_MAM } from './query.ts';
import type { DefaultPreference, Preferences } from './records.ts';

/** So many addresses may be in the lists of one account. */
export const MAX_ADDRESSES = 1000;

/** What holds for an account that has not said otherwise. */
export const EVERYTHING: Preferences = { default: 'always', always: [], never: [] };

interface Lists {
  readonly always: ReadonlySet<string>;
  readonly never: ReadonlySet<string>;
}

/** The lists of preferences that are in use: every message is looked up in them. */
const listsOf = new WeakMap<Preferences, Lists>();

/** Whether what is exchanged with an address is to be archived; `isContact` is asked only where that matters. XEP-0441 §4.4. */
export function isWanted(preferences: Preferences, target: JID, isContact: (bare: JID) => boolean): boolean {
  const { always, never } = lists(preferences);
  const isListed = (list: ReadonlySet<string>): boolean =>
    list.size > 0 && (list.has(target.bare().toString()) || list.has(target.toString()));
  if (isListed(never)) return false;
  if (isListed(always)) return true;
  if (preferences.default === 'roster') return isContact(target.bare());
  return preferences.default === 'always';
}

function lists(preferences: Preferences): Lists {
  let known = listsOf.get(preferences);
  if (known === undefined) {
    known = { always: new Set(preferences.always), never: new Set(preferences.never) };
    listsOf.set(preferences, known);
  }
  return known;
}

/** Shows preferences to the account's clients. */
export function preferencesElement(preferences: Preferences): Element {
  const list = (name: string, addresses: readonly string[]): Element =>
    el(name, {}, ...addresses.map((address) => el('jid', {}, address)));
  return el(
    'prefs',
    { xmlns: NS_MAM, default: preferences.default },
    list('always', preferences.always),
    list('never', preferences.never),
  );
}

/**
 * Reads preferences that a client sets.
 * @throws StanzaError `bad-request`, `jid-malformed`, or `policy-violation` for too many addresses.
 */
export function parsePreferences(prefs: Element): Preferences {
  const preference = attr(prefs, 'default');
  if (!isDefault(preference)) throw new StanzaError('bad-request', { text: 'default is always, never or roster' });
  const always = addresses(prefs, 'always');
  const never = addresses(prefs, 'never');
  if (always.length + never.length > MAX_ADDRESSES) {
    throw new StanzaError('policy-violation', { text: `no more than ${MAX_ADDRESSES} addresses` });
  }
  return { default: preference, always, never };
}

function isDefault(value: string | undefined): value is DefaultPreference {
  return value === 'always' || value === 'never' || value === 'roster';
}

function addresses(prefs: Element, name: 'always' | 'never'): string[] {
  const list = child(prefs, name);
  if (list === undefined) return [];
  return [...new Set(children(list, 'jid').map((jid) => parse(text(jid))))];
}

function parse(address: string): string {
  try {
    return JID.parse(address).toString();
  } catch (error) {
    if (error instanceof JidError) throw new StanzaError('jid-malformed', { text: error.message });
    throw error;
  }
}
