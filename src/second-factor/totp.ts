import { Secret, TOTP } from 'otpauth';
import { unguessableBytes } from '../util/ids.ts';

/** What every authenticator app can do; RFC 6238 §1.2 leaves no choice that they all follow. */
const ALGORITHM = 'SHA1';
const DIGITS = 6;
const PERIOD_SECONDS = 30;
/** RFC 4226 §4, R6. */
const SECRET_BYTES = 20;
/** How many periods a clock may be wrong. RFC 6238 §5.2. */
const WINDOW = 1;

/** Returns a new secret in Base32. */
export function newTotpSecret(): string {
  return new Secret({ buffer: new Uint8Array(unguessableBytes(SECRET_BYTES)).buffer }).base32;
}

/** For whom the codes are. */
export interface TotpOwner {
  /** What the app shows as the place: the site. */
  readonly issuer: string;
  /** The account's address. */
  readonly account: string;
}

/** The URI that an authenticator app takes up, as a link or from a QR code. */
export function totpUri(secret: string, { issuer, account }: TotpOwner): string {
  // A colon stands between the two.
  return totp(secret, { issuer: issuer.replaceAll(':', ' '), label: account.replaceAll(':', ' ') }).toString();
}

/**
 * Returns the number of the period whose code this is, if that is now or one period off; undefined for any other text.
 * A code is good once: of an account only numbers that grow may be accepted. RFC 6238 §5.2.
 */
export function totpCounter(secret: string, code: string, nowMs: number): number | undefined {
  const token = code.replace(/\s/g, '');
  if (!/^\d{6}$/.test(token)) return undefined;
  const delta = totp(secret).validate({ token, timestamp: nowMs, window: WINDOW });
  return delta === null ? undefined : Math.floor(nowMs / 1000 / PERIOD_SECONDS) + delta;
}

function totp(secret: string, names: { readonly issuer?: string; readonly label?: string } = {}): TOTP {
  const fixed = { algorithm: ALGORITHM, digits: DIGITS, period: PERIOD_SECONDS };
  return new TOTP({ ...names, ...fixed, secret: Secret.fromBase32(secret) });
}
