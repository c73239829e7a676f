import { JID } from '../../jid.ts';
import type { TableSpec } from '../../store/store.ts';
import type { Roster, RosterItem, Subscription } from './api.ts';
import { LiveRoster } from './roster.ts';

/** An item as it is stored: what is false, empty or absent is left out. */
export interface ItemRecord {
  readonly jid: string;
  readonly name?: string;
  readonly groups?: readonly string[];
  readonly subscription: Subscription;
  readonly ask?: true;
  readonly approved?: true;
}

/** A roster as it is stored: one value, because a login reads all of it. */
export interface RosterRecord {
  readonly version: string;
  readonly items: readonly ItemRecord[];
  /** Bare JID and request, the oldest first. */
  readonly requests: readonly (readonly [jid: string, xml: string])[];
}

/** The rosters of all hosts, under domain and localpart. */
export const ROSTERS: TableSpec<RosterRecord> = { name: 'roster', parse: parseRecord };

/** Writes a roster as it is stored. */
export function toRecord({ version, items, requests }: Roster): RosterRecord {
  return { version, items: Array.from(items.values(), toItemRecord), requests: [...requests] };
}

/** Reads a stored roster. */
export function fromRecord({ version, items, requests }: RosterRecord): LiveRoster {
  return new LiveRoster(version, new Map(items.map((item) => [item.jid, fromItemRecord(item)])), new Map(requests));
}

function toItemRecord({ jid, name, groups, subscription, ask, approved }: RosterItem): ItemRecord {
  return {
    jid: jid.toString(),
    ...(name === undefined ? {} : { name }),
    ...(groups.length === 0 ? {} : { groups }),
    subscription,
    ...(ask ? { ask } : {}),
    ...(approved ? { approved } : {}),
  };
}

const NO_GROUPS: readonly string[] = [];

function fromItemRecord({ jid, name, groups = NO_GROUPS, subscription, ask, approved }: ItemRecord): RosterItem {
  return { jid: JID.parse(jid), name, groups, subscription, ask: ask === true, approved: approved === true };
}

function parseRecord(json: unknown): RosterRecord {
  if (!isObject(json)) throw new TypeError('a roster is not an object');
  const { version, items, requests } = json;
  if (typeof version !== 'string') throw new TypeError('a roster has no version');
  if (!Array.isArray(items) || !items.every(isItemRecord)) throw new TypeError('the items of a roster are damaged');
  if (!Array.isArray(requests) || !requests.every(isRequest))
    throw new TypeError('the requests in a roster are damaged');
  return { version, items, requests };
}

function isObject(json: unknown): json is Record<string, unknown> {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

function isItemRecord(json: unknown): json is ItemRecord {
  if (!isObject(json)) return false;
  const { jid, name, groups, subscription, ask, approved } = json;
  return (
    typeof jid === 'string' &&
    (name === undefined || typeof name === 'string') &&
    (groups === undefined || (Array.isArray(groups) && groups.every((group) => typeof group === 'string'))) &&
    (subscription === 'none' || subscription === 'to' || subscription === 'from' || subscription === 'both') &&
    (ask === undefined || ask === true) &&
    (approved === undefined || approved === true)
  );
}

function isRequest(json: unknown): json is readonly [string, string] {
  return Array.isArray(json) && json.length === 2 && json.every((part) => typeof part === 'string');
}
