// The server's side of SCRAM: RFC 5802, RFC 7677 and SCRAM-SHA-512. No key derivation happens here: the keys are stored.
//
// RFC 5802 lets a server report an error as `e=…` in its last message. XMPP carries that message inside <success/>, and
// a failure is a <failure/> with a condition (RFC 6120 §6.4.5) that has no place for it; so, as XMPP servers do, we
// fail with the condition only: `malformed-request` for what breaks the grammar, `not-authorized` for the rest.

import { createHmac } from 'node:crypto';
import { SaslError } from '../errors.ts';
import { JID } from '../jid.ts';
import { type Awaitable, isPromise } from '../util/awaitable.ts';
import { unguessableBytes } from '../util/ids.ts';
import { usableBindings } from './downgrade.ts';
import type {
  ChannelBindingType,
  SaslAttempt,
  SaslContext,
  SaslExchange,
  SaslMechanism,
  SaslStep,
  ScramHash,
  ScramKeys,
} from './mechanism.ts';
import { EMPTY_CHALLENGE } from './mechanism.ts';
import { checkAuthzid, prepareUsername } from './prepare.ts';
import { hashFunction, hmac, SALT_BYTES, verifyProof } from './scram-keys.ts';
import { type ClientFinal, type ClientFirst, parseClientFinal, parseClientFirst } from './scram-message.ts';

/**
 * The channel-binding types that are accepted, best first. RFC 9266, RFC 5929 §4. The last is superseded, but all that
 * slixmpp 1.8 knows: once it sees -PLUS, it logs in with tls-unique or, by RFC 5802 §6, not at all.
 */
export const CHANNEL_BINDING_TYPES: readonly ChannelBindingType[] = [
  'tls-exporter',
  'tls-server-end-point',
  'tls-unique',
];

export interface ScramOptions {
  /**
   * Keeps the salts of accounts that do not exist the same from one attempt to the next, and over restarts: a salt that
   * changes would tell that there is no account. A secret of this installation, 32 bytes.
   */
  readonly fakeSaltKey: Buffer;
  /** The iteration count shown for accounts that do not exist: the one that new passwords get. */
  readonly iterations: number;
  /** Makes the server's part of the nonce; only tests give one. */
  readonly nonce?: () => string;
}

/** SCRAM with one hash function, with channel binding (`-PLUS`) or without. */
export class Scram implements SaslMechanism {
  readonly name: string;
  readonly hash: ScramHash;
  readonly plus: boolean;
  readonly #options: ScramOptions;

  constructor(hash: ScramHash, plus: boolean, options: ScramOptions) {
    this.name = `SCRAM-${hash}${plus ? '-PLUS' : ''}`;
    this.hash = hash;
    this.plus = plus;
    this.#options = options;
  }

  usable(context: SaslContext): boolean {
    return !this.plus || usableBindings(context).length > 0;
  }

  start(attempt: SaslAttempt): SaslExchange {
    return new ScramExchange(this, attempt);
  }

  /** Makes the server's part of a nonce: 144 bits, printable and without commas. */
  newNonce(): string {
    return this.#options.nonce?.() ?? unguessableBytes(18).toString('base64');
  }

  /** The keys of an account that does not exist: always the same for a name, and no password fits them. */
  fakeKeys(account: JID): ScramKeys {
    const { fakeSaltKey, iterations } = this.#options;
    const secret = createHmac('sha512', fakeSaltKey).update(`${this.hash}\0${account}`).digest();
    const key = Buffer.alloc(hashFunction(this.hash).bytes);
    return { salt: secret.subarray(0, SALT_BYTES), iterations, storedKey: key, serverKey: key };
  }
}

/** What is remembered between the client's two messages. */
interface Challenged {
  readonly jid: JID;
  /** Those of the account, or fake ones. */
  readonly keys: ScramKeys;
  readonly nonce: string;
  /** What the client must repeat in `c=`: its GS2 header and the channel-binding data. */
  readonly channelBinding: Buffer;
  /** The two messages so far, as they enter the AuthMessage. */
  readonly transcript: string;
}

class ScramExchange implements SaslExchange {
  readonly #mechanism: Scram;
  readonly #attempt: SaslAttempt;
  #challenged: Challenged | undefined;

  constructor(mechanism: Scram, attempt: SaslAttempt) {
    this.#mechanism = mechanism;
    this.#attempt = attempt;
  }

  step(input: Buffer | undefined): Awaitable<SaslStep> {
    if (input === undefined) return EMPTY_CHALLENGE;
    return this.#challenged === undefined ? this.#begin(input) : this.#finish(input, this.#challenged);
  }

  #begin(input: Buffer): Awaitable<SaslStep> {
    const { context } = this.#attempt;
    const first = parseClientFirst(input);
    const channelBinding = this.#expectedBinding(first);
    const username = prepareUsername(first.username);
    const jid = JID.of(username, context.domain);
    checkAuthzid(first.authzid, jid);
    this.#attempt.claim(username);
    const keys = context.credentials.scramKeys(username, this.#mechanism.hash);
    return isPromise(keys)
      ? keys.then((stored) => this.#challenge(first, channelBinding, jid, stored))
      : this.#challenge(first, channelBinding, jid, keys);
  }

  #challenge(first: ClientFirst, channelBinding: Buffer, jid: JID, stored: ScramKeys | undefined): SaslStep {
    // The fake keys are made in either case, so that known and unknown accounts take the same work.
    const fake = this.#mechanism.fakeKeys(jid);
    const keys = stored ?? fake;
    const nonce = first.nonce + this.#mechanism.newNonce();
    const attributes = this.#attempt.offerAttributes?.(this.#mechanism.hash) ?? '';
    const serverFirst = `r=${nonce},s=${keys.salt.toString('base64')},i=${keys.iterations}${attributes}`;
    const transcript = `${first.bare},${serverFirst}`;
    this.#challenged = { jid, keys, nonce, channelBinding, transcript };
    return { kind: 'challenge', data: Buffer.from(serverFirst) };
  }

  #finish(input: Buffer, challenged: Challenged): Awaitable<SaslStep> {
    const final = parseClientFinal(input);
    if (final.nonce !== challenged.nonce) throw new SaslError('malformed-request', { text: 'The nonce has changed.' });
    if (!final.channelBinding.equals(challenged.channelBinding)) {
      throw new SaslError('not-authorized', { text: 'The channel bindings do not match.' });
    }
    // Looked up again: the password may have been changed while the client held the challenge.
    const keys = this.#attempt.context.credentials.scramKeys(challenged.jid.local, this.#mechanism.hash);
    return isPromise(keys)
      ? keys.then((stored) => this.#prove(final, challenged, stored))
      : this.#prove(final, challenged, keys);
  }

  #prove(final: ClientFinal, challenged: Challenged, stored: ScramKeys | undefined): SaslStep {
    const { hash } = this.#mechanism;
    const { jid, keys } = challenged;
    const authMessage = `${challenged.transcript},${final.withoutProof}`;
    const proven = verifyProof(hash, keys, authMessage, final.proof);
    if (!proven || stored?.storedKey.equals(keys.storedKey) !== true) throw new SaslError('not-authorized');
    const signature = hmac(hash, keys.serverKey, authMessage);
    return { kind: 'success', jid, data: Buffer.from(`v=${signature.toString('base64')}`) };
  }

  /** Checks the channel-binding flag and says what the client must send in `c=`. RFC 5802 §6. */
  #expectedBinding({ flag, gs2Header }: ClientFirst): Buffer {
    const { plus } = this.#mechanism;
    const header = Buffer.from(gs2Header);
    if (flag === 'n' || flag === 'y') {
      if (plus) throw new SaslError('malformed-request', { text: 'A -PLUS mechanism needs channel binding.' });
      if (flag === 'y' && [...this.#attempt.offered].some((name) => name.endsWith('-PLUS'))) {
        throw new SaslError('malformed-request', {
          text: 'Channel binding is offered; the offer you saw was altered.',
        });
      }
      return header;
    }
    if (!plus) throw new SaslError('malformed-request', { text: 'Channel binding needs a -PLUS mechanism.' });
    const type = CHANNEL_BINDING_TYPES.find((name) => name === flag.type);
    const data = type === undefined ? undefined : this.#attempt.context.channelBinding(type);
    if (data === undefined) {
      throw new SaslError('malformed-request', { text: 'This type of channel binding is not supported here.' });
    }
    return Buffer.concat([header, data]);
  }
}
