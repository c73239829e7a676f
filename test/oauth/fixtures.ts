import { generateKeyPairSync } from 'node:crypto';
import { Client, type ClientMetadata } from '../../src/oauth/client.ts';
import { type RegistrationRules, readRegistration } from '../../src/oauth/registration.ts';
import { RegistrationKeys, type RegistrationKeysOptions } from '../../src/oauth/registration-keys.ts';
import { ManualClock } from '../support/manual-clock.ts';

export const HOST = 'example.org';
export const NOW_SECONDS = 1_700_000_000;
export const KEY = 'a registration key of more than 32 characters';

/** Everything is allowed. */
export const RULES: RegistrationRules = {
  grantTypes: [
    'authorization_code',
    'refresh_token',
    'urn:ietf:params:oauth:grant-type:device_code',
    'implicit',
    'password',
  ],
  responseTypes: ['code', 'token'],
  locales: ['de', 'pt-BR'],
  idTokenAlgorithms: ['ES256', 'HS256'],
  areCodesBound: true,
};

/** What a website registers that says no more than it must. */
export const WEB = {
  client_name: 'Garden diary',
  client_uri: 'https://garden.example/',
  redirect_uris: ['https://garden.example/signed-in'],
};

/** The same of an application on a device. */
export const NATIVE = { ...WEB, redirect_uris: ['http://localhost/signed-in'] };

/** Metadata as registered, with other fields on top of those of a website. */
export function metadata(fields: Readonly<Record<string, unknown>> = {}): ClientMetadata {
  return readRegistration({ ...WEB, ...fields }, RULES);
}

/** A client that nobody registered. */
export function client(fields: Readonly<Record<string, unknown>> = {}): Client {
  const options = { id: 'id', issuedAt: NOW_SECONDS, expiresAt: undefined, secretKey: Buffer.alloc(32, 7) };
  return new Client({ ...options, metadata: metadata(fields) });
}

/** The keys of a host at a clock of its own. */
export function openKeys(options: Partial<RegistrationKeysOptions> = {}): RegistrationKeys {
  const clock = new ManualClock(NOW_SECONDS * 1000);
  return new RegistrationKeys({ host: HOST, current: { text: KEY, algorithm: 'HS256' }, clock, ...options });
}

/** A private key in PEM. */
export function ecPem(namedCurve = 'P-256'): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** A private RSA key in PEM. */
export function rsaPem(modulusLength = 2048): string {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}
