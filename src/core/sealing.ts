import { createCipheriv, createDecipheriv, createHmac, hkdfSync } from 'node:crypto';
import { decodeBase64 } from '../sasl/prepare.ts';
import { unguessableBytes } from '../util/ids.ts';

const IV_BYTES = 12;
const TAG_BYTES = 16;

/**
 * Keeps the secrets of tokens at rest, under a secret of this installation. That secret is in the same store: who has only a
 * part of it, such as a listing of grants, opens none; who has all of it, does.
 */
export class Sealing {
  readonly #sealKey: Buffer;
  readonly #digestKey: Buffer;

  /** `secret` has 32 bytes; the keys in use are derived from it. RFC 5869. */
  constructor(secret: Buffer) {
    this.#sealKey = derive(secret, 'seal');
    this.#digestKey = derive(secret, 'digest');
  }

  /** The keyed digest of a secret that is only ever compared: HMAC-SHA-256 in base64url. */
  digest(secret: string): string {
    return createHmac('sha256', this.#digestKey).update(secret).digest('base64url');
  }

  /**
   * Encrypts a secret that will be needed itself: AES-256-GCM, in base64. `place` says where it is stored; it opens
   * nowhere else.
   */
  seal(secret: string, place: string): string {
    const iv = unguessableBytes(IV_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.#sealKey, iv, { authTagLength: TAG_BYTES });
    cipher.setAAD(Buffer.from(place));
    return Buffer.concat([iv, cipher.update(secret, 'utf8'), cipher.final(), cipher.getAuthTag()]).toString('base64');
  }

  /** Decrypts what `seal` made for the same place; undefined for anything else. */
  open(sealed: string, place: string): string | undefined {
    const bytes = decodeBase64(sealed);
    if (bytes === undefined || bytes.length < IV_BYTES + TAG_BYTES) return undefined;
    const iv = bytes.subarray(0, IV_BYTES);
    const decipher = createDecipheriv('aes-256-gcm', this.#sealKey, iv, { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(place));
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    const text = decipher.update(bytes.subarray(IV_BYTES, -TAG_BYTES));
    try {
      return Buffer.concat([text, decipher.final()]).toString('utf8');
    } catch {
      // The authentication tag does not fit: another key, another place, or damage.
      return undefined;
    }
  }
}

function derive(secret: Buffer, purpose: string): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, Buffer.alloc(0), `parley grants: ${purpose}`, 32));
}
