import { createHash } from 'node:crypto';
import { JID, JidError } from '../../../jid.ts';
import { isChar } from '../../../xml/chars.ts';
import type { RosterItem } from '../api.ts';
import { LiveRoster } from '../roster.ts';
import { SourceError } from './source.ts';

/** Of a name and of each group, as for those that clients choose. */
const MAX_TEXT_BYTES = 1023;
/** Of all groups of a contact together. */
const MAX_GROUPS_BYTES = 4096;

const VERSION_BYTES = 16;

/** What is told about a contact. */
export type Contact = Pick<RosterItem, 'jid' | 'name' | 'groups'>;

/**
 * What can be wrong with a part of a contact list, which is then left out: a contact whose address is none (`invalid`), has a
 * resource, is a domain or is the user's own; a name or group that is too long or that XML cannot carry (`label`).
 */
export type Flaw = 'invalid' | 'resource' | 'domain' | 'own' | 'label';

/** Whose list is read, and what may be in it. */
export interface ContactRules {
  readonly owner: JID;
  readonly domainContacts: boolean;
  readonly maxContacts: number;
}

/** A contact list as it was understood, and how often something of it was left out. */
export interface ContactList {
  readonly contacts: readonly Contact[];
  readonly flaws: ReadonlyMap<Flaw, number>;
}

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads what the application answers for a user: an object whose keys are addresses. Whatever is wrong with one of them costs
 * none of the others. Of two keys that are the same address the last one counts.
 * @throws SourceError `bad_json` when it is no object, `too_large` when there are more than `maxContacts` keys.
 */
export function parseContactList(json: unknown, rules: ContactRules): ContactList {
  if (!isObject(json)) throw new SourceError('bad_json', 'the answer is not an object of contacts');
  const entries = Object.entries(json);
  if (entries.length > rules.maxContacts) {
    throw new SourceError('too_large', `the answer has more than ${rules.maxContacts} contacts`);
  }
  const contacts = new Map<string, Contact>();
  const flaws = new Flaws();
  for (const [key, value] of entries) {
    const jid = addressOf(key, rules, flaws);
    if (jid !== undefined) contacts.set(jid.toString(), { jid, ...labelsOf(value, flaws) });
  }
  return { contacts: [...contacts.values()], flaws: flaws.counts };
}

class Flaws {
  readonly counts = new Map<Flaw, number>();

  add(flaw: Flaw): undefined {
    this.counts.set(flaw, (this.counts.get(flaw) ?? 0) + 1);
  }
}

function addressOf(key: string, { owner, domainContacts }: ContactRules, flaws: Flaws): JID | undefined {
  const jid = parseAddress(key);
  if (jid === undefined) return flaws.add('invalid');
  if (!jid.isBare) return flaws.add('resource');
  if (jid.isDomain && !domainContacts) return flaws.add('domain');
  return jid.equals(owner) ? flaws.add('own') : jid;
}

function parseAddress(text: string): JID | undefined {
  try {
    return JID.parse(text);
  } catch (error) {
    if (error instanceof JidError) return undefined;
    throw error;
  }
}

function labelsOf(value: unknown, flaws: Flaws): Pick<Contact, 'name' | 'groups'> {
  if (!isObject(value)) return { name: undefined, groups: NO_GROUPS };
  return { name: nameOf(value['name'], flaws), groups: groupsOf(value['groups'], flaws) };
}

function nameOf(name: unknown, flaws: Flaws): string | undefined {
  if (typeof name !== 'string' || name === '') return undefined;
  return isLabel(name) ? name : flaws.add('label');
}

const NO_GROUPS: readonly string[] = [];

/** Groups are the keys of an object, whatever their values, or the texts of a list. */
function groupsOf(given: unknown, flaws: Flaws): readonly string[] {
  const names: readonly unknown[] = Array.isArray(given) ? given : isObject(given) ? Object.keys(given) : NO_GROUPS;
  const distinct = new Set(names.filter((name) => typeof name === 'string').filter((name) => name !== ''));
  if (distinct.size === 0) return NO_GROUPS;
  const groups: string[] = [];
  let bytes = 0;
  // Sorted first, so that what is one too many does not depend on the order in which they come.
  for (const name of [...distinct].sort()) {
    bytes += Buffer.byteLength(name);
    if (bytes <= MAX_GROUPS_BYTES && isLabel(name)) groups.push(name);
    else flaws.add('label');
  }
  return groups;
}

function isLabel(text: string): boolean {
  if (Buffer.byteLength(text) > MAX_TEXT_BYTES) return false;
  for (const char of text) if (!isChar(char.codePointAt(0) ?? 0)) return false;
  return true;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Returns the roster that has these contacts, all of them mutual, sorted by address and with sorted groups. Its version is a
 * digest of what is in it: rosters with the same contacts have the same version, wherever and whenever they were made.
 */
export function rosterOf(contacts: Iterable<Contact>): LiveRoster {
  const items = Array.from(contacts, toItem).sort((a, b) => byCodeUnits(a.jid.toString(), b.jid.toString()));
  const canonical = JSON.stringify(items.map(({ jid, name, groups }) => [jid.toString(), name ?? null, groups]));
  const digest = createHash('sha256').update(canonical).digest();
  const version = digest.subarray(0, VERSION_BYTES).toString('base64url');
  return new LiveRoster(version, new Map(items.map((item) => [item.jid.toString(), item])), new Map());
}

function toItem({ jid, name, groups }: Contact): RosterItem {
  const sorted = groups.length === 0 ? NO_GROUPS : [...new Set(groups)].sort();
  return { jid, name, groups: sorted, subscription: 'both', ask: false, approved: false };
}

function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
