import { createHmac, randomBytes } from 'node:crypto';
import type { Clock } from '../util/clock.ts';
import { unguessableBytes } from '../util/ids.ts';
import { LruCache } from '../util/lru.ts';
import type { ScramHash, ScramKeys } from './mechanism.ts';
import { Pbkdf2, type Pbkdf2Limits } from './pbkdf2.ts';
import { hashFunction, keysOf, matches, SALT_BYTES } from './scram-keys.ts';

/** What is kept of a password: keys for some of the hash functions, each with a salt of its own. */
export type ScramKeySet = Readonly<Partial<Record<ScramHash, ScramKeys>>>;

export interface PasswordsOptions extends Pbkdf2Limits {
  readonly clock: Clock;
  /** How many verified passwords are remembered; an even number. */
  readonly maxRemembered?: number;
  /** For how long a verified password is remembered. */
  readonly rememberMs?: number;
}

// SHA-256 is the cheapest of those that are safe: SHA-512 takes twice the time, SHA-1 is weak.
const VERIFY_ORDER: readonly ScramHash[] = ['SHA-256', 'SHA-512', 'SHA-1'];

/** Derives the keys of passwords and checks passwords against them. One instance serves the whole process. */
export class Passwords {
  readonly #clock: Clock;
  readonly #pbkdf2: Pbkdf2;
  readonly #rememberMs: number;
  /** Until when, in monotonic milliseconds, a password that was verified need not be derived again. */
  readonly #remembered: LruCache<string, number>;
  readonly #rememberKey = randomBytes(32);
  readonly #decoySalt = randomBytes(SALT_BYTES);

  constructor({ clock, maxRemembered = 10_000, rememberMs = 600_000, ...limits }: PasswordsOptions) {
    this.#clock = clock;
    this.#pbkdf2 = new Pbkdf2(limits);
    this.#rememberMs = rememberMs;
    this.#remembered = new LruCache(maxRemembered);
  }

  /** Makes new keys for every hash function of a prepared password. Rejects with SaslError when overloaded. */
  async deriveKeys(password: string, iterations: number): Promise<Record<ScramHash, ScramKeys>> {
    const derive = async (hash: ScramHash): Promise<ScramKeys> => {
      const salt = unguessableBytes(SALT_BYTES);
      return keysOf(hash, await this.#pbkdf2.derive(hash, password, salt, iterations), salt, iterations);
    };
    return { 'SHA-1': await derive('SHA-1'), 'SHA-256': await derive('SHA-256'), 'SHA-512': await derive('SHA-512') };
  }

  /**
   * Whether a prepared password is the one that the keys were made of. Without keys the same work is done, with
   * `iterations`, and the answer is no. A password that was right a short while ago is recognised without derivation.
   * Rejects with SaslError when overloaded.
   */
  async verify(password: string, keySet: ScramKeySet | undefined, iterations: number): Promise<boolean> {
    const hash = VERIFY_ORDER.find((candidate) => keySet?.[candidate] !== undefined) ?? 'SHA-256';
    const known = keySet?.[hash];
    const keys = known ?? this.#decoyKeys(iterations);
    const tag = this.#tag(keys.salt, password);
    if (this.#isRemembered(tag)) return known !== undefined;
    const saltedPassword = await this.#pbkdf2.derive(hash, password, keys.salt, keys.iterations);
    const right = matches(hash, keys, saltedPassword) && known !== undefined;
    if (right) this.#remembered.set(tag, this.#clock.monotonic() + this.#rememberMs);
    return right;
  }

  #decoyKeys(iterations: number): ScramKeys {
    const none = Buffer.alloc(hashFunction('SHA-256').bytes);
    return { salt: this.#decoySalt, iterations, storedKey: none, serverKey: none };
  }

  /**
   * What is remembered of a password: neither the password nor anything that helps without this process's key. A new
   * password has a new salt and so never fits what was remembered of the old one.
   */
  #tag(salt: Buffer, password: string): string {
    const mac = createHmac('sha256', this.#rememberKey).update(`${salt.length}:`).update(salt).update(password);
    return mac.digest('base64');
  }

  #isRemembered(tag: string): boolean {
    const until = this.#remembered.get(tag);
    if (until === undefined) return false;
    if (until > this.#clock.monotonic()) return true;
    this.#remembered.delete(tag);
    return false;
  }
}
