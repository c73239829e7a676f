import type { JID } from '../jid.ts';
import type { Awaitable } from '../util/awaitable.ts';
import type { Element } from '../xml/element.ts';
import type { Addressee } from './iq.ts';

/** What service discovery tells of an entity. XEP-0030 §3, XEP-0128. */
export type Advertised =
  | { readonly feature: string }
  | { readonly identity: { readonly category: string; readonly type: string; readonly name?: string } }
  /** An extension form of disco#info. */
  | { readonly form: () => Element | undefined }
  /** An item of disco#items. */
  | { readonly item: Item }
  /** Nodes below the entity. */
  | { readonly nodes: Nodes };

/** An item of disco#items. XEP-0030 §4.1. */
export interface Item {
  readonly jid: string;
  readonly node?: string;
  readonly name?: string;
}

/** A node of an entity, and who asks about it. */
export interface NodeQuery {
  readonly node: string;
  /** The address of the entity: a host or the bare JID of an account. */
  readonly of: JID;
  readonly from: JID;
}

/**
 * Nodes of an entity as they are for the one who asks: each function returns undefined for nodes of others, and may throw a
 * StanzaError. XEP-0030 §3.2, §4.2.
 */
export interface Nodes {
  info(query: NodeQuery): Awaitable<readonly Advertised[] | undefined>;
  items(query: NodeQuery): Awaitable<readonly Item[] | undefined>;
}

/** Whom an advertisement speaks of: the server, or an account. */
export type Advertiser = Extract<Addressee, 'host' | 'account'>;

/** What the features of a host advertise. */
export class Advertisements {
  readonly #entries: Record<Advertiser, Set<Advertised>> = { host: new Set(), account: new Set() };

  #revision = 0;

  /** Another number after every change, for those that derive something from the entries. */
  get revision(): number {
    return this.#revision;
  }

  /** Adds an entry; returns how to remove it. */
  add(entry: Advertised, on: Advertiser): () => void {
    this.#entries[on].add(entry);
    this.#revision++;
    return () => {
      this.#entries[on].delete(entry);
      this.#revision++;
    };
  }

  list(on: Advertiser): readonly Advertised[] {
    return [...this.#entries[on]];
  }
}
