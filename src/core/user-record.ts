import type { ScramHash, ScramKeys } from '../sasl/mechanism.ts';
import type { ScramKeySet } from '../sasl/passwords.ts';
import { decodeBase64 } from '../sasl/prepare.ts';
import { hashFunction, SCRAM_HASHES } from '../sasl/scram-keys.ts';
import type { TableSpec } from '../store/store.ts';
import type { AccountRole } from './roles.ts';

/** The keys of a password for one hash function, bytes as base64. */
export interface StoredKeys {
  readonly salt: string;
  readonly iterations: number;
  readonly storedKey: string;
  readonly serverKey: string;
}

/** What is stored of a user. Fields that this version does not know are kept as they are. */
export interface UserRecord {
  /** Milliseconds since the Unix epoch. */
  readonly createdAt: number;
  /** When the password was last changed, in the same unit; absent while it is the first. */
  readonly passwordUpdatedAt?: number;
  readonly scram: Readonly<Partial<Record<ScramHash, StoredKeys>>>;
  readonly disabled?: boolean;
  /** Absent for a member. */
  readonly role?: AccountRole;
  /** The user is gone; what features keep of it is being cleared. */
  readonly removed?: boolean;
}

/** The users of all hosts, under domain and localpart. */
export const USERS: TableSpec<UserRecord> = { name: 'users', parse: parseUserRecord };

/** Users whose removal has begun and not ended, under domain and localpart: when it began, in ms since the epoch. */
export const REMOVALS: TableSpec<number> = {
  name: 'removals',
  parse(json) {
    if (typeof json !== 'number') throw new TypeError('a removal has no time');
    return json;
  },
};

function parseUserRecord(json: unknown): UserRecord {
  if (!isObject(json)) throw new TypeError('a user is not an object');
  const { createdAt, passwordUpdatedAt, scram, disabled, role, removed, ...later } = json;
  if (typeof createdAt !== 'number') throw new TypeError('a user has no time of creation');
  if (passwordUpdatedAt !== undefined && typeof passwordUpdatedAt !== 'number') {
    throw new TypeError('the time of a password is no number');
  }
  if (!isObject(scram)) throw new TypeError('a user has no keys');
  if (disabled !== undefined && typeof disabled !== 'boolean') throw new TypeError('"disabled" is not a boolean');
  const keys: Partial<Record<ScramHash, StoredKeys>> = {};
  for (const hash of SCRAM_HASHES) {
    const stored = scram[hash];
    if (stored === undefined) continue;
    if (!isStoredKeys(stored)) throw new TypeError(`the ${hash} keys of a user are damaged`);
    keys[hash] = stored;
  }
  return {
    ...later,
    createdAt,
    ...(passwordUpdatedAt === undefined ? {} : { passwordUpdatedAt }),
    scram: keys,
    ...(disabled === true ? { disabled } : {}),
    ...(role === 'admin' ? { role } : {}),
    ...(removed === true ? { removed } : {}),
  };
}

function isObject(json: unknown): json is Record<string, unknown> {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}

function isStoredKeys(json: unknown): json is StoredKeys {
  if (!isObject(json)) return false;
  const { salt, iterations, storedKey, serverKey } = json;
  const isCount = typeof iterations === 'number' && Number.isSafeInteger(iterations) && iterations > 0;
  return isCount && [salt, storedKey, serverKey].every((part) => typeof part === 'string');
}

/** Writes the keys of a password as they are stored. */
export function toStored(keySet: ScramKeySet): UserRecord['scram'] {
  const stored: Partial<Record<ScramHash, StoredKeys>> = {};
  for (const hash of SCRAM_HASHES) {
    const keys = keySet[hash];
    if (keys === undefined) continue;
    stored[hash] = {
      salt: keys.salt.toString('base64'),
      iterations: keys.iterations,
      storedKey: keys.storedKey.toString('base64'),
      serverKey: keys.serverKey.toString('base64'),
    };
  }
  return stored;
}

/** Reads the stored keys for one hash function; undefined when there are none. Throws TypeError for damaged ones. */
export function fromStored(record: UserRecord, hash: ScramHash): ScramKeys | undefined {
  const stored = record.scram[hash];
  if (stored === undefined) return undefined;
  const { bytes } = hashFunction(hash);
  const salt = decodeBase64(stored.salt);
  const storedKey = decodeBase64(stored.storedKey);
  const serverKey = decodeBase64(stored.serverKey);
  if (salt === undefined || storedKey?.length !== bytes || serverKey?.length !== bytes) {
    throw new TypeError(`the ${hash} keys of a user are damaged`);
  }
  return { salt, iterations: stored.iterations, storedKey, serverKey };
}
