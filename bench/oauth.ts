import { generateKeyPairSync } from 'node:crypto';
import { JID } from '../src/jid.ts';
import { authenticateClient, readClientCredentials } from '../src/oauth/client-credentials.ts';
import { parseForm } from '../src/oauth/form.ts';
import { parseRegistration, type RegistrationRules, registrationResponse } from '../src/oauth/registration.ts';
import { RegistrationKeys } from '../src/oauth/registration-keys.ts';
import { SigningKeys } from '../src/oauth/signing-keys.ts';
import { systemClock } from '../src/util/clock.ts';
import { type Bench, type Case, onCpu } from './runner.ts';

const BATCH = 50;
const HOST = 'example.org';
const KEYS = ['a registration key of the benchmark, one', 'a registration key of the benchmark, two'] as const;

const RULES: RegistrationRules = {
  grantTypes: ['authorization_code', 'refresh_token'],
  responseTypes: ['code'],
  locales: ['en', 'de'],
  idTokenAlgorithms: ['ES256', 'HS256'],
  areCodesBound: true,
};

const FACTS = {
  issuer: `https://${HOST}`,
  jid: JID.of('alice', HOST),
  now: systemClock.now(),
  authTime: systemClock.now(),
  nonce: undefined,
  amr: ['pwd'],
};

/** What a client with all that is usual registers. */
const BODY = Buffer.from(
  JSON.stringify({
    client_name: 'Garden diary',
    'client_name#de': 'Gartentagebuch',
    client_uri: 'https://garden.example/',
    logo_uri: 'https://garden.example/logo.png',
    tos_uri: 'https://garden.example/terms',
    policy_uri: 'https://garden.example/privacy',
    redirect_uris: ['https://garden.example/signed-in', 'https://garden.example/de/signed-in'],
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code'],
    token_endpoint_auth_method: 'client_secret_basic',
    scope: 'openid profile xmpp:client:normal',
    contacts: ['root@garden.example'],
    software_id: '7ae2fb6c-3f6d-4c0c-8b2b-5d5d6cf7b1a4',
    software_version: '4.2.0',
  }),
);

/** The part of OAuth that is pure computation, without HTTP and without a store. One unit is one request. */
export const oauth: Bench = {
  name: 'oauth',
  rounds: 31,
  async open() {
    const current = { text: KEYS[0], algorithm: 'HS256' } as const;
    const previous = { text: KEYS[1], algorithm: 'HS256' } as const;
    const keys = open(current, [previous]);
    const before = open(previous);
    const known = await keys.sign(parseRegistration(BODY, RULES));
    const old = await before.sign(parseRegistration(BODY, RULES));
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const signing = await SigningKeys.open({ current: pem });
    return [
      repeated('a registration, from JSON to JSON', async () => {
        const client = await keys.sign(parseRegistration(BODY, RULES));
        return JSON.stringify(registrationResponse(client)).length > 0;
      }),
      repeated('a client_id recognised', async () => (await keys.verify(known.id)) !== undefined),
      repeated('a client_id of the key before', async () => (await keys.verify(old.id)) !== undefined),
      repeated(
        'a client_id that is forged',
        async () => (await keys.verify(`${known.id.slice(0, -4)}AAAA`)) === undefined,
      ),
      repeated('a client authenticated by its secret', authentication(keys, known.id, known.secret ?? '')),
      repeated('an ID token signed by ES256', async () => (await signing.signIdToken(known, FACTS)) !== undefined),
    ];
  },
};

function open(
  current: { readonly text: string; readonly algorithm: 'HS256' },
  previous: readonly (typeof current)[] = [],
): RegistrationKeys {
  return new RegistrationKeys({ host: HOST, current, previous, clock: systemClock });
}

function authentication(keys: RegistrationKeys, id: string, secret: string): () => Promise<boolean> {
  const header = `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`;
  const body = Buffer.from('grant_type=refresh_token&refresh_token=secret-token%3AMjt0');
  return async () => (await authenticateClient(keys, readClientCredentials(header, parseForm(body)))).id === id;
}

function repeated(name: string, run: () => Promise<boolean>): Case {
  return onCpu(name, async () => {
    for (let i = 0; i < BATCH; i++) if (!(await run())) throw new Error(`${name} failed`);
    return BATCH;
  });
}
