import type { JID } from '../../jid.ts';

/** So many messages of an account may be answered with an error that is recognised. */
const REMEMBERED = 64;

/**
 * The messages of a conversation that an account sent and received last, so that an error which answers one of them is known
 * for what it is. Hashes do: an error that is taken for another's is a copy too many.
 */
export class RecentMessages {
  readonly #hashes: number[] = [];
  #next = 0;

  /** A message to or from a peer. */
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
