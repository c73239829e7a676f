import type { JID } from '../../jid.ts';

/** Whom an account has blocked: never empty, never changed; a change makes another one. */
export class BlockList {
  readonly #owner: JID;
  readonly #items: ReadonlySet<string>;

  /** `items` are addresses in their normal form. */
  constructor(owner: JID, items: Iterable<string>) {
    this.#owner = owner;
    this.#items = new Set(items);
  }

  /** The addresses as they were blocked, in that order. */
  get items(): ReadonlySet<string> {
    return this.#items;
  }

  /**
   * Whether an address is blocked: itself, its bare form or its domain. XEP-0191 §6. An account cannot block itself (§5) nor
   * its own server, whatever it has blocked: who blocks its own domain blocks the other users there.
   */
  has(jid: JID): boolean {
    const { local, domain } = this.#owner;
    if (jid.domain === domain && (jid.local === '' || jid.local === local)) return false;
    return (
      this.#items.has(jid.domain) ||
      this.#items.has(jid.toString()) ||
      (!jid.isBare && this.#items.has(jid.bare().toString()))
    );
  }
}
