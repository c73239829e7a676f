import type { Passkey } from '../../second-factor/passkeys.ts';
import type { TableSpec } from '../../store/store.ts';
import { storedNumber, storedObject, storedText, storedTexts } from '../shared/stored.ts';

/** A passkey as its owner knows it. Times are milliseconds since the Unix epoch. */
export interface OwnPasskey extends Passkey {
  readonly name: string;
  readonly createdAt: number;
  readonly usedAt: number | undefined;
}

/** Codes of an authenticator app. */
export interface OwnTotp {
  /** Sealed. */
  readonly secret: string;
  /** The period of the last code that was accepted: it and those before are of no use any more. */
  readonly counter: number;
  readonly createdAt: number;
}

/** What is kept of an account's second factors. */
export interface Factors {
  /** By which authenticators know the account; it says nothing of the person. */
  readonly handle: string;
  readonly totp: OwnTotp | undefined;
  readonly passkeys: readonly OwnPasskey[];
  /** Digests of those that are left. */
  readonly recoveryCodes: readonly string[];
  readonly refusesPasswords: boolean;
}

/** The second factors of all accounts, by domain and localpart. */
export const FACTORS: TableSpec<Factors> = {
  name: 'second-factor',
  parse(json) {
    const { handle, totp, passkeys, recoveryCodes, refusesPasswords } = storedObject(json);
    if (!Array.isArray(passkeys)) throw new TypeError('the stored passkeys are no list');
    return {
      handle: storedText(handle),
      totp: totp === undefined ? undefined : parseTotp(totp),
      passkeys: passkeys.map(parsePasskey),
      recoveryCodes: storedTexts(recoveryCodes),
      refusesPasswords: refusesPasswords === true,
    };
  },
};

/** Whose account authenticators mean, by domain and handle. */
export const HANDLES: TableSpec<string> = { name: 'second-factor.handles', parse: storedText };

function parseTotp(json: unknown): OwnTotp {
  const { secret, counter, createdAt } = storedObject(json);
  return { secret: storedText(secret), counter: storedNumber(counter), createdAt: storedNumber(createdAt) };
}

function parsePasskey(json: unknown): OwnPasskey {
  const { id, publicKey, counter, transports, rpId, name, createdAt, usedAt } = storedObject(json);
  return {
    id: storedText(id),
    publicKey: storedText(publicKey),
    counter: storedNumber(counter),
    transports: storedTexts(transports),
    rpId: storedText(rpId),
    name: storedText(name),
    createdAt: storedNumber(createdAt),
    usedAt: usedAt === undefined ? undefined : storedNumber(usedAt),
  };
}
