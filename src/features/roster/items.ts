import { StanzaError } from '../../errors.ts';
import { JID, JidError } from '../../jid.ts';
import { ownCopy } from '../../util/own-copy.ts';
import { attr, children, type Element, el, text } from '../../xml/element.ts';
import type { Roster, RosterItem, Subscription } from './api.ts';

export const NS_ROSTER = 'jabber:iq:roster';

const SUBSCRIPTIONS: readonly Subscription[] = ['none', 'to', 'from', 'both'];

/** Of an item's name and of each of its groups. */
const MAX_TEXT_BYTES = 1023;
/** Of all groups of an item together. */
const MAX_GROUPS_BYTES = 4096;

/** What a client wants to become of one item. RFC 6121 §2.3, §2.4, §2.5. */
export type RosterSet =
  | {
      readonly action: 'update';
      readonly jid: JID;
      readonly name: string | undefined;
      readonly groups: readonly string[];
    }
  | { readonly action: 'remove'; readonly jid: JID };

/**
 * Reads the query of a roster set. A subscription other than `remove`, and what else only the server may say, is ignored.
 * @throws StanzaError `bad-request`, `jid-malformed`, `not-acceptable`. RFC 6121 §2.1.5, §2.3.3.
 */
export function parseRosterSet(query: Element): RosterSet {
  const [item, second] = children(query, 'item');
  if (item === undefined || second !== undefined) {
    throw new StanzaError('bad-request', { text: 'a roster set has exactly one item' });
  }
  const jid = contactOf(item);
  if (attr(item, 'subscription') === 'remove') return { action: 'remove', jid };
  return { action: 'update', jid, name: nameOf(item), groups: groupsOf(item) };
}

function contactOf(item: Element): JID {
  const address = attr(item, 'jid');
  if (address === undefined) throw new StanzaError('bad-request', { text: 'the item has no address' });
  const jid = parseAddress(address);
  if (!jid.isBare) throw new StanzaError('bad-request', { text: 'the address of an item has no resource' });
  return jid;
}

function parseAddress(address: string): JID {
  try {
    return JID.parse(address);
  } catch (error) {
    if (error instanceof JidError) throw new StanzaError('jid-malformed', { text: error.message, cause: error });
    throw error;
  }
}

function nameOf(item: Element): string | undefined {
  const name = attr(item, 'name') ?? '';
  if (name === '') return undefined;
  checkLength('the name', name, MAX_TEXT_BYTES);
  return ownCopy(name);
}

function groupsOf(item: Element): string[] {
  const groups = children(item, 'group').map((group) => ownCopy(text(group)));
  if (groups.includes('')) throw new StanzaError('not-acceptable', { text: 'a group has a name' });
  if (new Set(groups).size < groups.length) throw new StanzaError('bad-request', { text: 'a group is named twice' });
  for (const group of groups) checkLength('the name of a group', group, MAX_TEXT_BYTES);
  checkLength('the list of groups', groups.join(''), MAX_GROUPS_BYTES);
  return groups;
}

function checkLength(what: string, value: string, maxBytes: number): void {
  if (Buffer.byteLength(value) <= maxBytes) return;
  throw new StanzaError('not-acceptable', { text: `${what} is longer than ${maxBytes} bytes` });
}

/**
 * Reads an item as a roster has it, with what only the server may say.
 * @throws StanzaError `bad-request`, `jid-malformed`, `not-acceptable`.
 */
export function parseItem(item: Element): RosterItem {
  const subscription = SUBSCRIPTIONS.find((known) => known === (attr(item, 'subscription') ?? 'none'));
  if (subscription === undefined) throw new StanzaError('bad-request', { text: 'its subscription is not known' });
  const isFrom = subscription === 'from' || subscription === 'both';
  const isTo = subscription === 'to' || subscription === 'both';
  return {
    jid: contactOf(item),
    name: nameOf(item),
    groups: groupsOf(item),
    subscription,
    ask: !isTo && attr(item, 'ask') === 'subscribe',
    approved: !isFrom && ['true', '1'].includes(attr(item, 'approved') ?? ''),
  };
}

/** Writes a whole roster: the result of a roster get. RFC 6121 §2.1.4. */
export function rosterElement({ version, items }: Roster): Element {
  return el('query', { xmlns: NS_ROSTER, ver: version }, ...Array.from(items.values(), itemElement));
}

/** Writes what a roster push says: the item as it is now, or that there is none any more. RFC 6121 §2.1.6. */
export function pushElement(version: string, contact: JID, item: RosterItem | undefined): Element {
  const pushed =
    item === undefined ? el('item', { jid: contact.toString(), subscription: 'remove' }) : itemElement(item);
  return el('query', { xmlns: NS_ROSTER, ver: version }, pushed);
}

function itemElement({ jid, name, groups, subscription, ask, approved }: RosterItem): Element {
  return el(
    'item',
    {
      jid: jid.toString(),
      name,
      subscription,
      ask: ask ? 'subscribe' : undefined,
      approved: approved ? 'true' : undefined,
    },
    ...groups.map((group) => el('group', {}, group)),
  );
}
