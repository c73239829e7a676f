import assert from 'node:assert/strict';
import { pbkdf2Sync } from 'node:crypto';
import { SaslError, type SaslErrorCondition } from '../../src/errors.ts';
import type {
  AccountStatus,
  CredentialSource,
  SaslContext,
  SaslExchange,
  SaslMechanism,
  SaslStep,
  ScramHash,
  ScramKeys,
} from '../../src/sasl/mechanism.ts';
import { createMechanisms } from '../../src/sasl/mechanisms.ts';
import { Passwords, type ScramKeySet } from '../../src/sasl/passwords.ts';
import { hashFunction, keysOf } from '../../src/sasl/scram-keys.ts';
import { ManualClock } from '../support/manual-clock.ts';

export const DOMAIN = 'capulet.example';
export const ITERATIONS = 4096;
export const FAKE_SALT_KEY = Buffer.alloc(32, 7);

/** Accounts in memory. */
export class Accounts implements CredentialSource {
  readonly passwords: Passwords;
  readonly #keys = new Map<string, ScramKeySet>();
  readonly #status = new Map<string, AccountStatus>();

  constructor(passwords: Passwords = new Passwords({ clock: new ManualClock() })) {
    this.passwords = passwords;
  }

  /** Adds an account with a password, or with keys as they are given. */
  async add(username: string, secret: string | ScramKeySet, status: AccountStatus = 'enabled'): Promise<void> {
    this.#keys.set(username, typeof secret === 'string' ? await this.passwords.deriveKeys(secret, ITERATIONS) : secret);
    this.#status.set(username, status);
  }

  remove(username: string): void {
    this.#keys.delete(username);
    this.#status.delete(username);
  }

  scramKeys(username: string, hash: ScramHash): ScramKeys | undefined {
    return this.#keys.get(username)?.[hash];
  }

  verifyPassword(username: string, password: string): Promise<boolean> {
    return this.passwords.verify(password, this.#keys.get(username), ITERATIONS);
  }

  status(username: string): AccountStatus | undefined {
    return this.#status.get(username);
  }
}

/** Accounts with one user, juliet, whose password is given. */
export async function julietWith(password: string): Promise<Accounts> {
  const accounts = new Accounts();
  await accounts.add('juliet', password);
  return accounts;
}

/** What a stream under TLS offers to SASL, unless said otherwise. */
export function contextOf(credentials: CredentialSource, differences: Partial<SaslContext> = {}): SaslContext {
  return {
    domain: DOMAIN,
    credentials,
    secure: true,
    allowPlaintext: false,
    channelBinding: () => undefined,
    peerCertificate: undefined,
    ...differences,
  };
}

/** All mechanisms by name. */
export const mechanisms = createMechanisms({ fakeSaltKey: FAKE_SALT_KEY, iterations: ITERATIONS });

export function mechanismOf(name: string): SaslMechanism {
  const mechanism = mechanisms.get(name);
  assert.ok(mechanism);
  return mechanism;
}

/** An exchange, and whom it claimed to be so far. */
export interface StartedExchange extends SaslExchange {
  readonly claims: readonly string[];
}

/** Starts an exchange on a stream that offered the given mechanisms besides. */
export function start(
  mechanism: SaslMechanism,
  context: SaslContext,
  offered: readonly string[] = [],
): StartedExchange {
  const claims: string[] = [];
  const exchange = mechanism.start({
    context,
    offered: new Set([mechanism.name, ...offered]),
    claim: (username) => void claims.push(username ?? ''),
    guessed: () => {},
  });
  return { claims, step: (input) => exchange.step(input) };
}

/** Expects a SaslError with this condition. */
export async function failsWith(condition: SaslErrorCondition, run: () => unknown): Promise<void> {
  await assert.rejects(
    async () => run(),
    (error) => error instanceof SaslError && error.condition === condition,
    condition,
  );
}

/** The keys of a password with a given salt, at 4096 iterations. */
export function derive(hash: ScramHash, password: string, salt: Buffer): ScramKeys {
  const { digest, bytes } = hashFunction(hash);
  return keysOf(hash, pbkdf2Sync(password, salt, ITERATIONS, bytes, digest), salt, ITERATIONS);
}

/** What a step sends to the client. */
export function dataOf(step: SaslStep): Buffer {
  assert.ok(step.data);
  return step.data;
}
