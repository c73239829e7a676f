import { createHmac, createPrivateKey, createPublicKey, type KeyObject, timingSafeEqual } from 'node:crypto';
import { CompactSign, compactVerify, errors } from 'jose';

const ASYMMETRIC = ['ES256', 'ES512', 'RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'] as const;
export type AsymmetricAlgorithm = (typeof ASYMMETRIC)[number];

/** The algorithms of RFC 7518 §3.1 that keys of ours sign with. */
export const JWS_ALGORITHMS = ['HS256', ...ASYMMETRIC] as const;
export type JwsAlgorithm = (typeof JWS_ALGORITHMS)[number];

/** A secret for HS256, of at least 32 bytes. */
export interface HmacKey {
  readonly algorithm: 'HS256';
  readonly secret: Uint8Array;
}

/** A pair of keys, and the only algorithm that it is used with. */
export interface KeyPair {
  readonly algorithm: AsymmetricAlgorithm;
  readonly signing: KeyObject;
  readonly verifying: KeyObject;
}

export type JwsKey = HmacKey | KeyPair;

/** A JSON object, such as the payload of a token. */
export type JsonObject = Readonly<Record<string, unknown>>;

const MIN_RSA_BITS = 2048;
const CURVES: Partial<Record<AsymmetricAlgorithm, string>> = { ES256: 'prime256v1', ES512: 'secp521r1' };
const COMPACT = /^([\w-]+)\.([\w-]+)\.([\w-]+)$/;

/** Reads a private key in PEM. Throws TypeError for what is no such key, or none for the algorithm. */
export function pemKey(pem: string, algorithm: AsymmetricAlgorithm): KeyPair {
  const signing = readPrivateKey(pem);
  if (signing === undefined) throw new TypeError('the text is not a private key in PEM');
  if (!suits(signing, algorithm)) throw new TypeError(`the key cannot be used with ${algorithm}`);
  return { algorithm, signing, verifying: createPublicKey(signing) };
}

/** The algorithms that a private key in PEM can be used with; none for a text that is no such key. */
export function algorithmsOf(pem: string): readonly AsymmetricAlgorithm[] {
  const key = readPrivateKey(pem);
  return key === undefined ? [] : ASYMMETRIC.filter((algorithm) => suits(key, algorithm));
}

/** Signs a JWT whose header is exactly `alg` and `typ`. RFC 7519 §7.1. */
export async function signJwt(payload: JsonObject, key: JwsKey): Promise<string> {
  const json = Buffer.from(JSON.stringify(payload));
  if (key.algorithm !== 'HS256') {
    return new CompactSign(json).setProtectedHeader({ alg: key.algorithm, typ: 'JWT' }).sign(key.signing);
  }
  const input = `${headerOf('HS256')}.${json.toString('base64url')}`;
  return `${input}.${hmac(key, input)}`;
}

/**
 * The payload of a JWT that `signJwt` made with this key; undefined for any other text, also for one that only a decoder
 * would take for the same. The claims are not looked at.
 */
export async function verifyJwt(text: string, key: JwsKey): Promise<JsonObject | undefined> {
  const [, header = '', payload = '', signature = ''] = COMPACT.exec(text) ?? [];
  if (header !== headerOf(key.algorithm)) return undefined;
  const isGenuine =
    key.algorithm === 'HS256'
      ? isEqual(signature, hmac(key, `${header}.${payload}`))
      : isCanonical(signature) && (await verifies(text, key));
  return isGenuine ? parseObject(Buffer.from(payload, 'base64url').toString()) : undefined;
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

/** Not by jose, whose way through WebCrypto takes ten times as long and waits for the threads that passwords keep busy. */
function hmac({ secret }: HmacKey, input: string): string {
  return createHmac('sha256', secret).update(input).digest('base64url');
}

function isEqual(given: string, expected: string): boolean {
  const [one, other] = [Buffer.from(given), Buffer.from(expected)];
  return one.length === other.length && timingSafeEqual(one, other);
}

async function verifies(text: string, { algorithm, verifying }: KeyPair): Promise<boolean> {
  try {
    await compactVerify(text, verifying, { algorithms: [algorithm] });
    return true;
  } catch (error) {
    if (error instanceof errors.JOSEError) return false;
    throw error;
  }
}

/** Whether no bits are set that decoding drops: otherwise several texts would be the same identifier. */
function isCanonical(base64url: string): boolean {
  return Buffer.from(base64url, 'base64url').toString('base64url') === base64url;
}

function readPrivateKey(pem: string): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined;
  }
}

function suits({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject, algorithm: AsymmetricAlgorithm): boolean {
  const curve = CURVES[algorithm];
  if (curve !== undefined) return asymmetricKeyType === 'ec' && asymmetricKeyDetails?.namedCurve === curve;
  return asymmetricKeyType === 'rsa' && (asymmetricKeyDetails?.modulusLength ?? 0) >= MIN_RSA_BITS;
}
