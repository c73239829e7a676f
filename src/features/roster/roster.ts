import { JID } from '../../jid.ts';
import { newId } from '../../util/ids.ts';
import { ownCopy } from '../../util/own-copy.ts';
import type { Relation, Roster, RosterItem, Subscription } from './api.ts';

/** How many unanswered subscription requests an account keeps; the oldest gives way to a new one. */
export const MAX_REQUESTS = 100;

/** The roster of an account: immutable, so that all accounts with nothing in theirs share one. */
export class LiveRoster implements Roster {
  static readonly EMPTY = new LiveRoster('0', new Map(), new Map());
  readonly version: string;
  readonly items: ReadonlyMap<string, RosterItem>;
  readonly requests: ReadonlyMap<string, string>;
  #subscribers: readonly JID[] | undefined;
  #subscriptions: readonly JID[] | undefined;

  constructor(version: string, items: ReadonlyMap<string, RosterItem>, requests: ReadonlyMap<string, string>) {
    this.version = version;
    this.items = items;
    this.requests = requests;
  }

  get subscribers(): readonly JID[] {
    this.#subscribers ??= contactsOf(this.items, 'from');
    return this.#subscribers;
  }

  get subscriptions(): readonly JID[] {
    this.#subscriptions ??= contactsOf(this.items, 'to');
    return this.#subscriptions;
  }

  /** What is kept about an address. */
  relation(contact: JID): Relation {
    const key = contact.toString();
    return { item: this.items.get(key), request: this.requests.get(key) };
  }

  /** The roster in which this is kept about an address. */
  with(contact: JID, { item, request }: Relation): LiveRoster {
    const key = ownCopy(contact.toString());
    const isSameItem = this.items.get(key) === item;
    const items = isSameItem ? this.items : replaced(this.items, key, item && { ...item, jid: JID.parse(key) });
    const isSameRequest = this.requests.get(key) === request;
    const requests = isSameRequest ? this.requests : bounded(replaced(this.requests, key, request && ownCopy(request)));
    return new LiveRoster(isSameItem ? this.version : newId(), items, requests);
  }
}

function contactsOf(items: ReadonlyMap<string, RosterItem>, direction: Subscription): JID[] {
  const contacts: JID[] = [];
  for (const { jid, subscription } of items.values()) {
    if (subscription === direction || subscription === 'both') contacts.push(jid);
  }
  return contacts;
}

function replaced<V>(map: ReadonlyMap<string, V>, key: string, value: V | undefined): Map<string, V> {
  const next = new Map(map);
  if (value === undefined) next.delete(key);
  else next.set(key, value);
  return next;
}

function bounded(requests: Map<string, string>): Map<string, string> {
  for (const oldest of requests.keys()) {
    if (requests.size <= MAX_REQUESTS) break;
    requests.delete(oldest);
  }
  return requests;
}
