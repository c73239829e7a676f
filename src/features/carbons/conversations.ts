import type { Account } from '../../core/account.ts';
import type { FeatureHost } from '../../core/feature.ts';
import type { Slot } from '../../core/slots.ts';
import type { JID } from '../../jid.ts';
import type { Message } from '../../stanza.ts';
import { forbidsCopies, isEligible } from './eligible.ts';

/** So many messages of an account may be answered with an error that is recognised. */
const REMEMBERED = 64;

/** Which messages belong to the conversations of the accounts of a host. XEP-0280 §6.1. */
export class Conversations {
  /** Of each account, what was exchanged last; undefined until there is something. */
  readonly #recent: Slot<Account, RecentMessages | undefined>;

  constructor(host: FeatureHost) {
    this.#recent = host.accountSlot<RecentMessages | undefined>(() => undefined);
  }

  /** Whether devices that have no part in a message, received from this peer or sent to it, are to see it. */
  include(account: Account, message: Message, peer: JID, isReceived: boolean): boolean {
    const { type, id, payload } = message;
    const recent = this.#recent.of(account);
    if (type === 'error') {
      return id !== undefined && recent?.has(id, peer) === true && !payload.elements.some(forbidsCopies);
    }
    if (!isEligible(message, isReceived)) return false;
    if (id !== undefined) this.#remember(account, id, peer);
    return true;
  }

  #remember(account: Account, id: string, peer: JID): void {
    let recent = this.#recent.of(account);
    if (recent === undefined) {
      recent = new RecentMessages();
      this.#recent.set(account, recent);
    }
    recent.add(id, peer);
  }
}

/**
 * The messages that an account sent and received last, so that an error which answers one of them is known for what it is.
 * Hashes do: an error that is taken for another's is a copy too many.
 */
class RecentMessages {
  readonly #hashes: number[] = [];
  #next = 0;

  add(id: string, peer: JID): void {
    this.#hashes[this.#next] = hash(id, peer);
    this.#next = (this.#next + 1) % REMEMBERED;
  }

  has(id: string, peer: JID): boolean {
    return this.#hashes.includes(hash(id, peer));
  }
}

// FNV-1a. Without the resource: one device may answer what was sent to all.
function hash(id: string, { local, domain }: JID): number {
  return mix(domain, mix(local, mix(id, 0x811c9dc5)));
}

function mix(text: string, seed: number): number {
  let value = seed;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return value;
}
