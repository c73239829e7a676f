import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { readPasskeyLibrary } from '../../src/second-factor/browser-script.ts';
import {
  checkAnswer,
  checkCreation,
  creationOptions,
  type Passkey,
  readAnswer,
  requestOptions,
} from '../../src/second-factor/passkeys.ts';
import { passkeyOrigins, type RelyingParty, relyingPartyId } from '../../src/second-factor/relying-party.ts';
import { Authenticator, cborBytes, cborList, cborMap, cborText } from '../support/authenticator.ts';

const PARTY: RelyingParty = { id: 'stage.example', name: 'Stage', origins: ['https://chat.stage.example:5281'] };
const ORIGIN = 'https://chat.stage.example:5281';
const HANDLE = Buffer.alloc(32, 7).toString('base64url');
const REFUSED = { name: 'PasskeyError' };

const challenge = (): string => randomBytes(32).toString('base64url');

async function created(authenticator: Authenticator, known: readonly Passkey[] = []): Promise<Passkey> {
  const given = challenge();
  const options = await creationOptions(PARTY, { handle: HANDLE, account: 'romeo@stage.example', known }, given);
  assert.equal(options.challenge, given);
  return checkCreation(PARTY, given, authenticator.create(options, { origin: ORIGIN }));
}

test('a passkey that was made is known again', async () => {
  const authenticator = new Authenticator();
  const passkey = await created(authenticator);
  assert.deepEqual(passkey.transports, ['internal', 'hybrid']);
  assert.equal(passkey.rpId, 'stage.example');
  const given = challenge();
  const answer = readAnswer(authenticator.get(requestOptions(PARTY, given, [passkey]), { origin: ORIGIN }));
  assert.equal(answer.id, passkey.id);
  assert.equal(answer.handle, HANDLE);
  assert.equal(await checkAnswer(PARTY, answer, passkey, { challenge: given, userVerified: true }), 1);
});

test('the options name nothing but the account, ask for no attestation, and exclude what is there', async () => {
  const passkey = await created(new Authenticator());
  const owner = { handle: HANDLE, account: 'romeo@stage.example', known: [passkey] };
  const options = await creationOptions(PARTY, owner, challenge());
  assert.deepEqual(options.user, { id: HANDLE, name: 'romeo@stage.example', displayName: 'romeo@stage.example' });
  assert.deepEqual(options.rp, { id: 'stage.example', name: 'Stage' });
  assert.equal(options.attestation, 'none');
  assert.deepEqual(
    options.excludeCredentials?.map(({ id }) => id),
    [passkey.id],
  );
  assert.deepEqual(
    options.pubKeyCredParams.map(({ alg }) => alg),
    [-8, -7, -257],
  );
});

test('a passkey alone asks for a verified person, one beside a password prefers it', async () => {
  const passkey = await created(new Authenticator());
  assert.equal(requestOptions(PARTY, 'x').userVerification, 'required');
  assert.equal(requestOptions(PARTY, 'x').allowCredentials, undefined);
  assert.equal(requestOptions(PARTY, 'x', [passkey]).userVerification, 'preferred');
  const elsewhere = { ...passkey, rpId: 'elsewhere.example' };
  assert.deepEqual(requestOptions(PARTY, 'x', [elsewhere]).allowCredentials, []);
});

test('what was made for another challenge, origin or party is refused', async () => {
  const owner = { handle: HANDLE, account: 'romeo@stage.example', known: [] };
  const given = challenge();
  const options = await creationOptions(PARTY, owner, given);
  const authenticator = new Authenticator();
  const make = (circumstances: object): string => authenticator.create(options, { origin: ORIGIN, ...circumstances });
  await assert.rejects(checkCreation(PARTY, challenge(), make({})), REFUSED);
  for (const circumstances of [
    { origin: 'https://evil.stage.example' },
    { origin: 'https://chat.stage.example' },
    { origin: 'http://chat.stage.example:5281' },
    { rpId: 'evil.example' },
  ]) {
    await assert.rejects(checkCreation(PARTY, given, make(circumstances)), REFUSED, JSON.stringify(circumstances));
  }
});

test('an answer to another challenge, for another origin or party, by another key is refused', async () => {
  const authenticator = new Authenticator();
  const passkey = await created(authenticator);
  const other = await created(new Authenticator());
  const given = challenge();
  const options = requestOptions(PARTY, given, [passkey]);
  const expected = { challenge: given, userVerified: false };
  const answer = (circumstances: object) =>
    readAnswer(authenticator.get(options, { origin: ORIGIN, ...circumstances }));
  await assert.rejects(checkAnswer(PARTY, answer({}), passkey, { ...expected, challenge: challenge() }), REFUSED);
  await assert.rejects(checkAnswer(PARTY, answer({ origin: 'https://evil.example' }), passkey, expected), REFUSED);
  await assert.rejects(checkAnswer(PARTY, answer({ rpId: 'evil.example' }), passkey, expected), REFUSED);
  await assert.rejects(checkAnswer(PARTY, answer({}), other, expected), REFUSED);
  assert.ok(await checkAnswer(PARTY, answer({}), passkey, expected));
});

test('a person who was not verified gets in only beside a password', async () => {
  const authenticator = new Authenticator();
  const passkey = await created(authenticator);
  const given = challenge();
  const answer = readAnswer(
    authenticator.get(requestOptions(PARTY, given, [passkey]), { origin: ORIGIN, verified: false }),
  );
  await assert.rejects(checkAnswer(PARTY, answer, passkey, { challenge: given, userVerified: true }), REFUSED);
  assert.ok(await checkAnswer(PARTY, answer, passkey, { challenge: given, userVerified: false }));
});

test('a counter that does not grow is refused: the key was copied', async () => {
  const authenticator = new Authenticator();
  const passkey = { ...(await created(authenticator)), counter: 5 };
  const given = challenge();
  const answer = readAnswer(authenticator.get(requestOptions(PARTY, given, [passkey]), { origin: ORIGIN }));
  await assert.rejects(checkAnswer(PARTY, answer, passkey, { challenge: given, userVerified: true }), REFUSED);
});

test('an attestation with certificates is refused before anybody looks at them', async () => {
  const given = challenge();
  const options = await creationOptions(PARTY, { handle: HANDLE, account: 'romeo', known: [] }, given);
  const certificates = cborList([cborBytes(Buffer.from('a certificate'))]);
  for (const attestation of [
    { format: 'packed', statement: cborMap([[cborText('x5c'), certificates]]) },
    { format: 'apple', statement: cborMap([[cborText('x5c'), certificates]]) },
    { format: 'tpm', statement: cborMap([]) },
    { format: 'packed', statement: cborText('no map') },
  ]) {
    const response = new Authenticator().create(options, { origin: ORIGIN, attestation });
    await assert.rejects(checkCreation(PARTY, given, response), REFUSED, attestation.format);
  }
});

test('whatever a browser sends in the place of an answer is refused, and nothing else happens', async () => {
  const passkey = await created(new Authenticator());
  const response = { clientDataJSON: 'e30', authenticatorData: 'AA', signature: 'AA', attestationObject: 'AA' };
  const good = { id: passkey.id, type: 'public-key', response };
  const hostile = [
    '',
    'null',
    '[]',
    '"x"',
    '{}',
    '{'.repeat(10_000),
    'x'.repeat(1e6),
    JSON.stringify({ ...good, type: 'password' }),
    JSON.stringify({ ...good, id: 5 }),
    JSON.stringify({ ...good, id: '../../' }),
    JSON.stringify({ ...good, response: null }),
    JSON.stringify({ ...good, response: { ...response, signature: {} } }),
    JSON.stringify({ ...good, response: { ...response, clientDataJSON: 'bm8ganNvbg' } }),
    JSON.stringify(good),
  ];
  const expected = { challenge: 'x', userVerified: true };
  for (const json of hostile) {
    await assert.rejects(checkCreation(PARTY, 'x', json), REFUSED, json.slice(0, 80));
    await assert.rejects(
      async () => checkAnswer(PARTY, readAnswer(json), passkey, expected),
      REFUSED,
      json.slice(0, 80),
    );
  }
});

test('passkeys belong to the host wherever its pages are below it, otherwise to where the pages are', () => {
  assert.equal(relyingPartyId('stage.example', undefined), 'stage.example');
  assert.equal(relyingPartyId('stage.example', 'https://stage.example:5281'), 'stage.example');
  assert.equal(relyingPartyId('stage.example', 'https://chat.stage.example/xmpp'), 'stage.example');
  assert.equal(relyingPartyId('stage.example', 'https://stage.example.org'), 'stage.example.org');
  assert.equal(relyingPartyId('stage.example', 'https://evilstage.example'), 'evilstage.example');
  assert.equal(relyingPartyId('bücher.example', undefined), 'xn--bcher-kva.example');
  assert.equal(relyingPartyId('localhost', 'https://localhost:5281'), 'localhost');
  for (const url of ['https://192.0.2.1', 'https://[2001:db8::1]:5281']) {
    assert.equal(relyingPartyId('stage.example', url), undefined, url);
  }
  assert.equal(relyingPartyId('192.0.2.1', undefined), undefined);
});

test('passkeys are used where clients are sent, or on the host itself; in the clear only on this machine', () => {
  const place = { domain: 'stage.example', httpsUrl: 'https://chat.stage.example/xmpp' };
  const sent = 'https://chat.stage.example';
  const cases: [string | undefined, string[]][] = [
    [undefined, [sent]],
    ['https://stage.example', [sent, 'https://stage.example']],
    ['https://stage.example:5281', [sent, 'https://stage.example:5281']],
    ['http://stage.example', [sent]],
    ['https://evil.stage.example', [sent]],
    ['no origin', [sent]],
  ];
  for (const [origin, origins] of cases) assert.deepEqual(passkeyOrigins({ ...place, origin }), origins, origin);
  const local = { domain: 'localhost', httpsUrl: undefined, origin: 'http://localhost:5280' };
  assert.deepEqual(passkeyOrigins(local), ['http://localhost:5280']);
});

test('the script for browsers is there, and loads nothing else', () => {
  const script = readPasskeyLibrary();
  assert.match(script, /SimpleWebAuthnBrowser/);
  assert.doesNotMatch(script, /\bfetch\(|importScripts|eval\(/);
});

test('no JSON at all makes more of a check than a refusal', async () => {
  const passkey = await created(new Authenticator());
  const expected = { challenge: 'x', userVerified: true };
  const text = fc.oneof(fc.base64String(), fc.string());
  const shape = fc.record(
    {
      id: text,
      type: fc.constant('public-key'),
      response: fc.record(
        { clientDataJSON: text, authenticatorData: text, signature: text, attestationObject: text, userHandle: text },
        { requiredKeys: [] },
      ),
    },
    { requiredKeys: ['type'] },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.json(),
        shape.map((value) => JSON.stringify(value)),
      ),
      async (json) => {
        await assert.rejects(checkCreation(PARTY, 'x', json), REFUSED);
        await assert.rejects(async () => checkAnswer(PARTY, readAnswer(json), passkey, expected), REFUSED);
      },
    ),
    { numRuns: 300 },
  );
});
