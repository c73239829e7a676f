import type { Tally } from '../../core/portable.ts';
import type { NewcomerFacts, User, Users } from '../../core/users.ts';
import { StanzaError } from '../../errors.ts';
import type { ScramHash, ScramKeys } from '../../sasl/mechanism.ts';
import type { ScramKeySet } from '../../sasl/passwords.ts';
import { decodeBase64 } from '../../sasl/prepare.ts';
import { hashFunction, SCRAM_HASHES } from '../../sasl/scram-keys.ts';
import { is } from '../../stanza.ts';
import { attr, child, type Element, el, text } from '../../xml/element.ts';
import { dateTime } from '../shared/date-time.ts';

const NS_SCRAM = 'urn:xmpp:pie:0#scram';
/** What is known of an account here, and has no place in XEP-0227; others ignore it. */
const NS_ACCOUNT = 'urn:parley:account:0';

/** As many as may be configured: each attempt to log in with PLAIN costs the server this. */
const MAX_ITERATIONS = 10_000_000;
const MAX_SALT_BYTES = 1024;
/** How ejabberd writes the keys of a password in its place: `scram:` and stored key, server key, salt and iterations. */
const KEYS_AS_PASSWORD = /^scram:([^,]*),([^,]*),([^,]*),([^,]*)$/;
const ANY_KEYS_AS_PASSWORD = /^scram[a-z0-9-]*:/;

/** Says since when an account exists, and what it is beside a member. */
export function accountElement({ createdAt, role, disabled }: User): Element {
  return el('account', {
    xmlns: NS_ACCOUNT,
    created: dateTime(createdAt),
    role: role === 'member' ? undefined : role,
    disabled: disabled ? 'true' : undefined,
  });
}

/** Reads what `accountElement` wrote; undefined for another element. */
export function parseAccount(element: Element): NewcomerFacts | undefined {
  if (!is(element, 'account', NS_ACCOUNT)) return undefined;
  const createdAt = Date.parse(attr(element, 'created') ?? '');
  return {
    createdAt: Number.isNaN(createdAt) ? undefined : createdAt,
    role: attr(element, 'role') === 'admin' ? 'admin' : undefined,
    disabled: attr(element, 'disabled') === 'true',
  };
}

/** Writes the keys of a password. XEP-0227 §4.3. */
export function credentialElements(keySet: ScramKeySet): Element[] {
  return SCRAM_HASHES.flatMap((hash) => {
    const keys = keySet[hash];
    if (keys === undefined) return [];
    return el(
      'scram-credentials',
      { xmlns: NS_SCRAM, mechanism: `SCRAM-${hash}` },
      el('iter-count', {}, String(keys.iterations)),
      el('salt', {}, keys.salt.toString('base64')),
      el('server-key', {}, keys.serverKey.toString('base64')),
      el('stored-key', {}, keys.storedKey.toString('base64')),
    );
  });
}

/** The password of one account as a document has it, all in one place or scattered; used when all of it is known. */
export class Credentials {
  readonly #tally: Tally;
  readonly #password: string;
  readonly #keys: Partial<Record<ScramHash, ScramKeys>> = {};

  constructor(password: string, tally: Tally) {
    this.#tally = tally;
    this.#password = ANY_KEYS_AS_PASSWORD.test(password) ? '' : password;
    if (this.#password !== password) this.#takeKeysAsPassword(password);
  }

  /** Takes the keys for one hash function; false: the element has none. */
  take(element: Element): boolean {
    if (!is(element, 'scram-credentials', NS_SCRAM)) return false;
    const mechanism = attr(element, 'mechanism') ?? '';
    const hash = SCRAM_HASHES.find((known) => mechanism === `SCRAM-${known}`);
    const part = (name: string): string => text(child(element, name)).trim();
    if (hash === undefined) this.#tally.skipped(mechanism, 'this mechanism is not known');
    else this.#add(hash, part('stored-key'), part('server-key'), part('salt'), part('iter-count'));
    return true;
  }

  /** Gives the account its password, unless it has another one that is to stay; resolves when durable. */
  async apply(users: Users, local: string, replace: boolean): Promise<void> {
    const present = await users.keys(local);
    const hasPassword = Object.keys(present).length > 0;
    if (this.#password === '' && Object.keys(this.#keys).length === 0) {
      if (!hasPassword) this.#tally.skipped('the password', 'the document has none: set one with "user passwd"');
      return;
    }
    if (hasPassword && (await this.#isThere(users, local, present))) return;
    if (hasPassword && !replace) {
      this.#tally.skipped('the password', 'the account has another one; --replace-password takes this one');
      return;
    }
    try {
      if (this.#password === '') await users.setKeys(local, this.#keys);
      else await users.setPassword(local, this.#password);
      this.#tally.took();
    } catch (error) {
      if (!(error instanceof StanzaError)) throw error;
      this.#tally.skipped('the password', error.text ?? error.condition);
    }
  }

  /** Whether the account has this password; keys that it has not got for a hash function are added. */
  async #isThere(users: Users, local: string, present: ScramKeySet): Promise<boolean> {
    if (this.#password !== '') {
      const isSame = await users.verifyPassword(local, this.#password);
      if (isSame) this.#tally.had();
      return isSame;
    }
    const shared = SCRAM_HASHES.filter((hash) => this.#keys[hash] !== undefined && present[hash] !== undefined);
    if (shared.length === 0 || !shared.every((hash) => areEqual(this.#keys[hash], present[hash]))) return false;
    const { updatedAt } = (await users.password(local)) ?? { updatedAt: 0 };
    for (const hash of SCRAM_HASHES) {
      const keys = this.#keys[hash];
      if (keys !== undefined && present[hash] === undefined) await users.addKeys(local, hash, keys, updatedAt);
    }
    this.#tally.had();
    return true;
  }

  #takeKeysAsPassword(password: string): void {
    const [, storedKey = '', serverKey = '', salt = '', iterations = ''] = KEYS_AS_PASSWORD.exec(password) ?? [];
    this.#add('SHA-1', storedKey, serverKey, salt, iterations);
  }

  #add(hash: ScramHash, storedKey: string, serverKey: string, salt: string, iterations: string): void {
    const keys = parseKeys(hash, storedKey, serverKey, salt, iterations);
    const what = `the keys for SCRAM-${hash}`;
    if (keys === undefined) this.#tally.skipped(what, 'they are damaged');
    else if (keys.iterations > MAX_ITERATIONS) this.#tally.skipped(what, `more than ${MAX_ITERATIONS} iterations`);
    else if (this.#keys[hash] !== undefined) this.#tally.skipped(what, 'there are two of them');
    else this.#keys[hash] = keys;
  }
}

function parseKeys(hash: ScramHash, stored: string, server: string, salted: string, iterations: string) {
  const { bytes } = hashFunction(hash);
  const [storedKey, serverKey, salt] = [stored, server, salted].map(decodeBase64);
  if (storedKey?.length !== bytes || serverKey?.length !== bytes || salt === undefined) return undefined;
  if (salt.length === 0 || salt.length > MAX_SALT_BYTES || !/^[1-9]\d{0,9}$/.test(iterations)) return undefined;
  return { salt, storedKey, serverKey, iterations: Number(iterations) };
}

function areEqual(one: ScramKeys | undefined, other: ScramKeys | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return (
    one.iterations === other.iterations &&
    one.salt.equals(other.salt) &&
    one.storedKey.equals(other.storedKey) &&
    one.serverKey.equals(other.serverKey)
  );
}
