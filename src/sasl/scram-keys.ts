import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { ScramHash, ScramKeys } from './mechanism.ts';

interface HashFunction {
  /** The name that node:crypto knows it by. */
  readonly digest: string;
  /** The length of its output. */
  readonly bytes: number;
}

const HASH_FUNCTIONS: Readonly<Record<ScramHash, HashFunction>> = {
  'SHA-1': { digest: 'sha1', bytes: 20 },
  'SHA-256': { digest: 'sha256', bytes: 32 },
  'SHA-512': { digest: 'sha512', bytes: 64 },
};

/** Every hash function of SCRAM, weakest first. */
export const SCRAM_HASHES: readonly ScramHash[] = ['SHA-1', 'SHA-256', 'SHA-512'];

/** The length of the salts that we make. */
export const SALT_BYTES = 16;

/** The name that node:crypto knows a hash function by, and the length of its output in bytes. */
export function hashFunction(hash: ScramHash): HashFunction {
  return HASH_FUNCTIONS[hash];
}

/** HMAC(key, text) of RFC 5802 §2.2. */
export function hmac(hash: ScramHash, key: Buffer, text: string): Buffer {
  return createHmac(HASH_FUNCTIONS[hash].digest, key).update(text).digest();
}

function storedKeyOf(hash: ScramHash, clientKey: Buffer): Buffer {
  return createHash(HASH_FUNCTIONS[hash].digest).update(clientKey).digest();
}

/** Computes what is kept of a password from its SaltedPassword. RFC 5802 §3. */
export function keysOf(hash: ScramHash, saltedPassword: Buffer, salt: Buffer, iterations: number): ScramKeys {
  const storedKey = storedKeyOf(hash, hmac(hash, saltedPassword, 'Client Key'));
  return { salt, iterations, storedKey, serverKey: hmac(hash, saltedPassword, 'Server Key') };
}

/** Whether a SaltedPassword is the one that the keys were made of. */
export function matches(hash: ScramHash, keys: ScramKeys, saltedPassword: Buffer): boolean {
  return timingSafeEqual(storedKeyOf(hash, hmac(hash, saltedPassword, 'Client Key')), keys.storedKey);
}

/** Whether a ClientProof is right; a proof of the wrong length is not. RFC 5802 §3. */
export function verifyProof(hash: ScramHash, keys: ScramKeys, authMessage: string, proof: Buffer): boolean {
  const clientKey = hmac(hash, keys.storedKey, authMessage);
  if (proof.length !== clientKey.length) return false;
  for (const [i, byte] of proof.entries()) clientKey[i] = (clientKey[i] ?? 0) ^ byte;
  return timingSafeEqual(storedKeyOf(hash, clientKey), keys.storedKey);
}
