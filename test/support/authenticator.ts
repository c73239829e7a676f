import { createHash, createSign, generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';

/** The part of the options for `navigator.credentials.create` that matters here. WebAuthn Level 3 §5.4. */
export interface CreationOptions {
  readonly challenge: string;
  readonly rp: { readonly id?: string | undefined };
  readonly user: { readonly id: string };
}

/** The part of the options for `navigator.credentials.get` that matters here. WebAuthn Level 3 §5.5. */
export interface RequestOptions {
  readonly challenge: string;
  readonly rpId?: string | undefined;
  readonly allowCredentials?: readonly { readonly id: string }[] | undefined;
}

/** What is unusual about an answer. */
export interface Circumstances {
  readonly origin: string;
  /** Whether the person was verified, by a PIN or a finger; by default it was. */
  readonly verified?: boolean;
  readonly rpId?: string;
  /** The attestation, in the place of none: its format, and the CBOR of its statement. */
  readonly attestation?: { readonly format: string; readonly statement: Buffer };
}

interface Credential {
  readonly id: string;
  readonly key: KeyObject;
  readonly userHandle: string;
  counter: number;
}

const UP = 0x01;
const UV = 0x04;
const AT = 0x40;

/** An authenticator in software, with keys of ES256, that a browser would talk to: both of them in one. WebAuthn Level 3 §6. */
export class Authenticator {
  readonly #credentials: Credential[] = [];
  /** Whether it counts how often it is used; those in the cloud do not. */
  readonly #counts: boolean;

  constructor({ counts = true }: { readonly counts?: boolean } = {}) {
    this.#counts = counts;
  }

  /** Makes a passkey; returns what a page sends, as JSON. §6.3.2. */
  create(options: CreationOptions, { origin, verified = true, rpId, attestation }: Circumstances): string {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const rawId = randomBytes(16);
    const id = rawId.toString('base64url');
    this.#credentials.push({ id, key: privateKey, userHandle: options.user.id, counter: 0 });
    const { x = '', y = '' } = publicKey.export({ format: 'jwk' });
    const attested = [Buffer.alloc(16), uint16(rawId.length), rawId, coseKey(x, y)];
    const authData = Buffer.concat([
      this.#authData(rpId ?? options.rp.id ?? '', verified ? UP | UV | AT : UP | AT, 0),
      ...attested,
    ]);
    const { format, statement } = attestation ?? { format: 'none', statement: Buffer.from([0xa0]) };
    const attestationObject = cborMap([
      [cborText('fmt'), cborText(format)],
      [cborText('attStmt'), statement],
      [cborText('authData'), cborBytes(authData)],
    ]);
    return answer(id, {
      clientDataJSON: clientData('webauthn.create', options.challenge, origin).toString('base64url'),
      attestationObject: attestationObject.toString('base64url'),
      transports: ['internal', 'hybrid'],
    });
  }

  /** Proves a passkey: one of those named, or the newest; returns what a page sends, as JSON. §6.3.3. */
  get(options: RequestOptions, { origin, verified = true, rpId }: Circumstances): string {
    const named = options.allowCredentials?.map(({ id }) => id);
    const credential = this.#credentials.findLast(({ id }) => named === undefined || named.includes(id));
    if (credential === undefined) throw new Error('the authenticator has none of these passkeys');
    if (this.#counts) credential.counter++;
    const authData = this.#authData(rpId ?? options.rpId ?? '', verified ? UP | UV : UP, credential.counter);
    const data = clientData('webauthn.get', options.challenge, origin);
    const signature = createSign('sha256')
      .update(Buffer.concat([authData, sha256(data)]))
      .sign(credential.key);
    return answer(credential.id, {
      clientDataJSON: data.toString('base64url'),
      authenticatorData: authData.toString('base64url'),
      signature: signature.toString('base64url'),
      userHandle: credential.userHandle,
    });
  }

  /** Sets the counters back, as those of a copy would be. */
  rewind(): void {
    for (const credential of this.#credentials) credential.counter = 0;
  }

  // §6.1.
  #authData(rpId: string, flags: number, counter: number): Buffer {
    const count = Buffer.alloc(4);
    count.writeUInt32BE(counter);
    return Buffer.concat([sha256(Buffer.from(rpId)), Buffer.from([flags]), count]);
  }
}

function answer(id: string, response: object): string {
  return JSON.stringify({ id, rawId: id, type: 'public-key', clientExtensionResults: {}, response });
}

function clientData(type: string, challenge: string, origin: string): Buffer {
  return Buffer.from(JSON.stringify({ type, challenge, origin, crossOrigin: false }));
}

// RFC 9053 §7.1.1: kty EC2, alg ES256, crv P-256, x, y.
function coseKey(x: string, y: string): Buffer {
  return cborMap([
    [Buffer.from([0x01]), Buffer.from([0x02])],
    [Buffer.from([0x03]), Buffer.from([0x26])],
    [Buffer.from([0x20]), Buffer.from([0x01])],
    [Buffer.from([0x21]), cborBytes(Buffer.from(x, 'base64url'))],
    [Buffer.from([0x22]), cborBytes(Buffer.from(y, 'base64url'))],
  ]);
}

/** RFC 8949 §3: a map of encoded keys and values. */
export function cborMap(entries: readonly (readonly [Buffer, Buffer])[]): Buffer {
  return Buffer.concat([cborHead(5, entries.length), ...entries.flat()]);
}

/** A list of encoded values. */
export function cborList(values: readonly Buffer[]): Buffer {
  return Buffer.concat([cborHead(4, values.length), ...values]);
}

export function cborText(text: string): Buffer {
  return Buffer.concat([cborHead(3, Buffer.byteLength(text)), Buffer.from(text)]);
}

export function cborBytes(bytes: Buffer): Buffer {
  return Buffer.concat([cborHead(2, bytes.length), bytes]);
}

function cborHead(major: number, length: number): Buffer {
  if (length < 24) return Buffer.from([(major << 5) | length]);
  if (length < 256) return Buffer.from([(major << 5) | 24, length]);
  return Buffer.concat([Buffer.from([(major << 5) | 25]), uint16(length)]);
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

function sha256(bytes: Buffer): Buffer {
  return createHash('sha256').update(bytes).digest();
}
