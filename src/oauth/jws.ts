import { createPrivateKey, createPublicKey, type KeyObject, webcrypto } from 'node:crypto';
import { CompactSign, compactVerify, errors } from 'jose';

/** The algorithms of RFC 7518 §3.1 that keys of ours sign with. */
export const JWS_ALGORITHMS = [
  'HS256',
  'ES256',
  'ES512',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
] as const;
export type JwsAlgorithm = (typeof JWS_ALGORITHMS)[number];

/** A key, and the only algorithm that it is used with. */
export interface JwsKey {
  readonly algorithm: JwsAlgorithm;
  readonly signing: webcrypto.CryptoKey | KeyObject;
  readonly verifying: webcrypto.CryptoKey | KeyObject;
}

/** A JSON object, such as the payload of a token. */
export type JsonObject = Readonly<Record<string, unknown>>;

const MIN_RSA_BITS = 2048;
const CURVES: Partial<Record<JwsAlgorithm, string>> = { ES256: 'prime256v1', ES512: 'secp521r1' };
const COMPACT = /^([\w-]+)\.[\w-]+\.([\w-]+)$/;

/** Makes a key for HS256 of at least 32 bytes. */
export async function hmacKey(secret: Uint8Array): Promise<JwsKey> {
  const hmac = { name: 'HMAC', hash: 'SHA-256' };
  const key = await webcrypto.subtle.importKey('raw', secret, hmac, false, ['sign', 'verify']);
  return { algorithm: 'HS256', signing: key, verifying: key };
}

/** Reads a private key in PEM. Throws TypeError for what is no such key, or none for the algorithm. */
export function pemKey(pem: string, algorithm: JwsAlgorithm): JwsKey {
  const signing = readPrivateKey(pem);
  if (!suits(signing, algorithm)) throw new TypeError(`the key cannot be used with ${algorithm}`);
  return { algorithm, signing, verifying: createPublicKey(signing) };
}

/** The algorithms that a private key in PEM can be used with. Throws TypeError for what is no such key. */
export function algorithmsOf(pem: string): readonly JwsAlgorithm[] {
  const key = readPrivateKey(pem);
  return JWS_ALGORITHMS.filter((algorithm) => suits(key, algorithm));
}

/** Signs a JWT whose header is exactly `alg` and `typ`. RFC 7519 §7.1. */
export function signJwt(payload: JsonObject, { algorithm, signing }: JwsKey): Promise<string> {
  return new CompactSign(Buffer.from(JSON.stringify(payload)))
    .setProtectedHeader({ alg: algorithm, typ: 'JWT' })
    .sign(signing);
}

/**
 * The payload of a JWT that `signJwt` made with this key; undefined for any other text, also for one that only a decoder
 * would take for the same. The claims are not looked at.
 */
export async function verifyJwt(text: string, { algorithm, verifying }: JwsKey): Promise<JsonObject | undefined> {
  const [, header, signature = ''] = COMPACT.exec(text) ?? [];
  if (header !== headerOf(algorithm) || !isCanonical(signature)) return undefined;
  try {
    const { payload } = await compactVerify(text, verifying, { algorithms: [algorithm] });
    return parseObject(Buffer.from(payload).toString());
  } catch (error) {
    if (error instanceof errors.JOSEError) return undefined;
    throw error;
  }
}

/** Parses a JSON object; undefined for anything else. */
export function parseObject(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a value from JSON is an object. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function headerOf(algorithm: JwsAlgorithm): string {
  return Buffer.from(`{"alg":"${algorithm}","typ":"JWT"}`).toString('base64url');
}

/** Whether no bits are set that decoding drops: otherwise several texts would be the same identifier. */
function isCanonical(base64url: string): boolean {
  return Buffer.from(base64url, 'base64url').toString('base64url') === base64url;
}

function readPrivateKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    // What went wrong may quote the key.
    throw new TypeError('the text is not a private key in PEM');
  }
}

function suits({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject, algorithm: JwsAlgorithm): boolean {
  if (algorithm === 'HS256') return false;
  const curve = CURVES[algorithm];
  if (curve !== undefined) return asymmetricKeyType === 'ec' && asymmetricKeyDetails?.namedCurve === curve;
  return asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) >= MIN_RSA_BITS;
}
