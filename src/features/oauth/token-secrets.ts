// What follows the first bytes of a secret is made of them: a token that was never issued is told by computation, and nothing
// is read for it. It also tells a refresh token that was used up long ago, and is kept nowhere, from one that never was: the
// former has been stolen, or its successor has.

import { timingSafeEqual } from 'node:crypto';
import type { Sealing } from '../../core/sealing.ts';
import { SECRET_BYTES } from '../../oauth/token-text.ts';
import { unguessableBytes } from '../../util/ids.ts';

/** What a token is good for. RFC 6749 §1.4, §1.5. */
export type TokenUse = 'access' | 'refresh';

const USES: readonly TokenUse[] = ['access', 'refresh'];
/** 96 bits, which a reader of the whole store would have to guess. */
const RANDOM_BYTES = 12;
/** In characters of base64url: 72 bits, so that no two tokens of a grant have the same. */
const ID_LENGTH = 12;

/** Whose token it is. */
export interface TokenOwner {
  readonly grantId: string;
  /** The bare JID of the account. */
  readonly jid: string;
}

/** What a token is known by within its grant. */
export interface TokenDigest {
  /** Tells nothing of the secret. */
  readonly id: string;
  /** What is kept of the secret. */
  readonly secret: string;
}

/** Makes the secrets of tokens, and recognizes its own. */
export class TokenSecrets {
  readonly #sealing: Sealing;

  constructor(sealing: Sealing) {
    this.#sealing = sealing;
  }

  /** Makes a secret for a new token. */
  make(use: TokenUse, owner: TokenOwner): Buffer {
    const random = unguessableBytes(RANDOM_BYTES);
    return Buffer.concat([random, this.#mark(use, owner, random)]);
  }

  /** What a secret was made for; undefined for one that was not made here, or for somebody else. */
  useOf(secret: Buffer, owner: TokenOwner): TokenUse | undefined {
    const random = secret.subarray(0, RANDOM_BYTES);
    const mark = secret.subarray(RANDOM_BYTES);
    return USES.find((use) => timingSafeEqual(mark, this.#mark(use, owner, random)));
  }

  /** What is kept of a secret. */
  digest(secret: Buffer): TokenDigest {
    const digest = this.#sealing.digest(`oauth\0${secret.toString('base64')}`);
    return { id: digest.slice(0, ID_LENGTH), secret: digest.slice(ID_LENGTH) };
  }

  #mark(use: TokenUse, { grantId, jid }: TokenOwner, random: Buffer): Buffer {
    const digest = this.#sealing.digest(`oauth ${use}\0${grantId}\0${jid}\0${random.toString('base64')}`);
    return Buffer.from(digest, 'base64url').subarray(0, SECRET_BYTES - RANDOM_BYTES);
  }
}
