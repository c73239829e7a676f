import { SaslError, StanzaError } from '../errors.ts';
import type { Awaitable } from '../util/awaitable.ts';
import { unguessableBytes } from '../util/ids.ts';
import type { ScramHash, ScramKeys } from './mechanism.ts';
import { hashFunction, keysOf, SALT_BYTES } from './scram-keys.ts';

/** What is known of a password beside its keys. */
export interface PasswordFacts {
  /** When it was set, in milliseconds since the Unix epoch. */
  readonly updatedAt: number;
  /** The hash functions that there are keys for. */
  readonly hashes: readonly ScramHash[];
  /** The iteration count that new keys get. */
  readonly iterations: number;
}

/** Where accounts get keys for other hash functions without a new password. User names are prepared localparts. */
export interface UpgradableCredentials {
  /** What is known of an account's password, or undefined when there is no such account. */
  password(username: string): Awaitable<PasswordFacts | undefined>;
  /**
   * Adds keys made of the password that was set at `passwordUpdatedAt`; rejects with a StanzaError when it has been changed
   * since.
   */
  addKeys(username: string, hash: ScramHash, keys: ScramKeys, passwordUpdatedAt: number): Promise<void>;
}

// Nobody upgrades to SHA-1.
const UPGRADES: ReadonlyMap<string, ScramHash> = new Map([
  ['UPGR-SCRAM-SHA-256', 'SHA-256'],
  ['UPGR-SCRAM-SHA-512', 'SHA-512'],
]);

/** The upgrade tasks to offer beside these mechanisms: for those that can be used afterwards. XEP-0480 §3. */
export function upgradesFor(mechanisms: Iterable<string>): string[] {
  const names = new Set([...mechanisms].map((name) => name.replace(/-PLUS$/, '')));
  return [...UPGRADES.keys()].filter((task) => names.has(task.slice('UPGR-'.length)));
}

/** Whether a login by this mechanism used the password, which an upgrade must be made of. */
export function usesPassword(mechanism: string): boolean {
  return mechanism === 'PLAIN' || mechanism.startsWith('SCRAM-');
}

/** The upgrades of those requested that an account lacks, each as a task to do, in the order requested. */
export async function pendingUpgrades(
  credentials: UpgradableCredentials,
  username: string,
  requested: readonly string[],
): Promise<ScramUpgrade[]> {
  const facts = requested.length === 0 ? undefined : await credentials.password(username);
  if (facts === undefined) return [];
  const pending: ScramUpgrade[] = [];
  for (const name of new Set(requested)) {
    const hash = UPGRADES.get(name);
    if (hash === undefined || facts.hashes.includes(hash)) continue;
    pending.push(new ScramUpgrade(name, hash, { credentials, username, facts }));
  }
  return pending;
}

/** One upgrade: the client derives the salted password for a salt of ours, so that the password itself is not sent. XEP-0480 §4. */
export class ScramUpgrade {
  readonly name: string;
  readonly salt = unguessableBytes(SALT_BYTES);
  readonly iterations: number;
  readonly #hash: ScramHash;
  readonly #credentials: UpgradableCredentials;
  readonly #username: string;
  readonly #passwordUpdatedAt: number;

  constructor(
    name: string,
    hash: ScramHash,
    owner: { credentials: UpgradableCredentials; username: string; facts: PasswordFacts },
  ) {
    this.name = name;
    this.#hash = hash;
    this.#credentials = owner.credentials;
    this.#username = owner.username;
    this.#passwordUpdatedAt = owner.facts.updatedAt;
    this.iterations = owner.facts.iterations;
  }

  /** Stores the keys of a SaltedPassword. Throws SaslError: `malformed-request` for one of a wrong length. */
  async finish(saltedPassword: Buffer): Promise<void> {
    if (saltedPassword.length !== hashFunction(this.#hash).bytes) {
      throw new SaslError('malformed-request', { text: 'The hash has a wrong length.' });
    }
    const keys = keysOf(this.#hash, saltedPassword, this.salt, this.iterations);
    try {
      await this.#credentials.addKeys(this.#username, this.#hash, keys, this.#passwordUpdatedAt);
    } catch (error) {
      // The account or its password is another by now.
      if (error instanceof StanzaError) throw new SaslError('not-authorized', { cause: error });
      throw error;
    }
  }
}
