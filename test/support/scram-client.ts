import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';

const DIGESTS = {
  'SHA-1': { name: 'sha1', bytes: 20 },
  'SHA-256': { name: 'sha256', bytes: 32 },
  'SHA-512': { name: 'sha512', bytes: 64 },
} as const;

export interface ScramClientOptions {
  readonly hash: keyof typeof DIGESTS;
  readonly username: string;
  readonly password: string;
  readonly authzid?: string;
  readonly nonce?: string;
  /** What the client says of channel binding: it has none, it saw none offered, or what it uses. */
  readonly binding?: 'n' | 'y' | { readonly type: string; readonly data: Buffer };
}

/** The client's side of SCRAM (RFC 5802), written without the server's code so that the two check each other. */
export class ScramClient {
  readonly #options: ScramClientOptions;
  readonly #nonce: string;
  readonly #header: string;
  readonly #bare: string;
  #serverSignature = '';
  #salted: { readonly salt: string; readonly iterations: string; readonly password: Buffer } | undefined;

  constructor(options: ScramClientOptions) {
    this.#options = options;
    this.#nonce = options.nonce ?? randomBytes(18).toString('base64');
    const { binding = 'n', authzid } = options;
    const flag = typeof binding === 'string' ? binding : `p=${binding.type}`;
    this.#header = `${flag},${authzid === undefined ? '' : `a=${saslname(authzid)}`},`;
    this.#bare = `n=${saslname(options.username)},r=${this.#nonce}`;
  }

  /** The client-first-message. */
  first(): Buffer {
    return Buffer.from(this.#header + this.#bare);
  }

  /** The client-final-message in answer to the server's first. */
  final(serverFirst: Buffer): Buffer {
    const { hash, password, binding } = this.#options;
    const { name, bytes } = DIGESTS[hash];
    const match = /^r=([^,]+),s=([^,]+),i=(\d+)(?:,|$)/.exec(serverFirst.toString());
    const [, nonce = '', salt = '', iterations = ''] = match ?? [];
    if (!nonce.startsWith(this.#nonce) || nonce === this.#nonce) throw new Error(`wrong challenge: ${serverFirst}`);
    const mac = (key: Buffer, text: string): Buffer => createHmac(name, key).update(text).digest();
    const data = typeof binding === 'object' ? binding.data : Buffer.alloc(0);
    const channelBinding = Buffer.concat([Buffer.from(this.#header), data]).toString('base64');
    const withoutProof = `c=${channelBinding},r=${nonce}`;
    const authMessage = `${this.#bare},${serverFirst},${withoutProof}`;
    // Kept, as RFC 5802 §5.1 allows, for those who log in many times.
    if (this.#salted?.salt !== salt || this.#salted.iterations !== iterations) {
      const derived = pbkdf2Sync(password, Buffer.from(salt, 'base64'), Number(iterations), bytes, name);
      this.#salted = { salt, iterations, password: derived };
    }
    const salted = this.#salted.password;
    const clientKey = mac(salted, 'Client Key');
    const signature = mac(createHash(name).update(clientKey).digest(), authMessage);
    const proof = clientKey.map((byte, i) => byte ^ (signature[i] ?? 0));
    this.#serverSignature = mac(mac(salted, 'Server Key'), authMessage).toString('base64');
    return Buffer.from(`${withoutProof},p=${Buffer.from(proof).toString('base64')}`);
  }

  /** Whether the server's last message proves that it knows the password too. */
  verify(serverFinal: Buffer): boolean {
    return serverFinal.toString() === `v=${this.#serverSignature}`;
  }
}

function saslname(name: string): string {
  return name.replaceAll('=', '=3D').replaceAll(',', '=2C');
}
