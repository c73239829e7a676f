import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { DEVICE_CODE } from '../../src/oauth/client.ts';
import { OAuthError } from '../../src/oauth/errors.ts';
import {
  parseMetadata,
  parseRegistration,
  type RegistrationRules,
  readRegistration,
  registrationResponse,
} from '../../src/oauth/registration.ts';
import { registrationSchema } from '../../src/oauth/registration-schema.ts';
import { client, metadata, NATIVE, NOW_SECONDS, openKeys, RULES, WEB } from './fixtures.ts';

type Fields = Readonly<Record<string, unknown>>;

/** The fields that are blamed, after the error's code. */
function faults(fields: Fields, rules: RegistrationRules = RULES): readonly string[] {
  try {
    readRegistration({ ...WEB, ...fields }, rules);
    return [];
  } catch (error) {
    assert.ok(error instanceof OAuthError);
    assert.equal(error.status, 400);
    assert.match(error.description, /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/, 'what RFC 6749 section 5.2 allows');
    return [error.code, ...(error.errors ?? []).map(({ field }) => field)];
  }
}

const BAD = 'invalid_client_metadata';
const UUID = '7ae2fb6c-3f6d-4c0c-8b2b-5d5d6cf7b1a4';

describe('A registration', () => {
  test('of the least has all defaults', () => {
    assert.deepEqual(readRegistration(WEB, RULES), {
      ...WEB,
      application_type: 'web',
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: ['authorization_code'],
      response_types: ['code'],
    });
  });

  test('may have a name in any script, and emoji', () => {
    for (const name of ['نامه\u200cها', 'क्\u200dष', '❤\ufe0f', '👩\u200d💻 Studio', 'Ωmega–9']) {
      assert.equal(readRegistration({ ...WEB, client_name: name }, RULES).client_name, name);
    }
  });

  test('of everything is kept', () => {
    const all = {
      ...WEB,
      application_type: 'web',
      token_endpoint_auth_method: 'client_secret_post',
      grant_types: ['authorization_code', 'refresh_token', DEVICE_CODE, 'implicit', 'password'],
      response_types: ['code', 'token'],
      logo_uri: 'https://garden.example/logo.png',
      tos_uri: 'https://garden.example:8443/terms#en',
      policy_uri: 'https://garden.example/privacy?full',
      scope: 'openid xmpp',
      contacts: ['root@garden.example', 'wurzel@gärten.example'],
      software_id: UUID,
      software_version: '1.0 (β)',
      id_token_signed_response_alg: 'ES256',
      'client_name#de': 'Gartentagebuch',
      'client_uri#de': 'https://garden.example/de',
      'policy_uri#pt-BR': 'https://garden.example/pt',
    };
    assert.deepEqual(readRegistration(all, RULES), all);
  });

  test('loses what is not known, before it is signed', async () => {
    const strange = {
      jwks: { keys: [] },
      nonce: 'x',
      iat: 1,
      exp: 1,
      host: 'x',
      client_id: 'x',
      'client_name#fr': 'x',
      'contacts#de': 1,
      __proto__: 1,
    };
    const read = readRegistration({ ...WEB, ...strange }, RULES);
    assert.deepEqual(read, metadata());
    const { id } = await openKeys().sign(read);
    const payload = JSON.parse(Buffer.from(id.split('.')[1] ?? '', 'base64url').toString());
    assert.deepEqual(Object.keys(payload), [...Object.keys(read), 'nonce', 'iat']);
    assert.equal(payload.iat, NOW_SECONDS);
  });

  test('that is no object is an invalid request', () => {
    for (const json of [null, [], [WEB], 'text', 1, true, undefined]) {
      assert.throws(() => readRegistration(json, RULES), { code: 'invalid_request' });
    }
  });

  test('is read from the bytes of a body', () => {
    assert.deepEqual(parseRegistration(Buffer.from(JSON.stringify(WEB)), RULES), metadata());
    for (const body of ['', '{', '{}x', '[]', 'null', 'client_name=x', '['.repeat(60_000)].map((text) =>
      Buffer.from(text),
    )) {
      assert.throws(() => parseRegistration(body, RULES), { code: 'invalid_request' });
    }
    const notUtf8 = Buffer.from(JSON.stringify({ ...WEB, client_name: 'caf\u00e9' }), 'latin1');
    assert.throws(() => parseRegistration(notUtf8, RULES), { code: 'invalid_request' });
  });

  test('is answered by what was stored and by what identifies the client', async () => {
    const keys = openKeys();
    const made = await keys.sign(metadata());
    assert.deepEqual(registrationResponse(made), {
      client_id: made.id,
      client_id_issued_at: NOW_SECONDS,
      client_secret: made.secret,
      client_secret_expires_at: 0,
      ...metadata(),
    });
    const limited = await openKeys({ ttlMs: 3_600_000 }).sign(metadata());
    assert.equal(registrationResponse(limited)['client_secret_expires_at'], NOW_SECONDS + 3600);
    const open = registrationResponse(await keys.sign(metadata({ token_endpoint_auth_method: 'none' })));
    assert.equal('client_secret' in open || 'client_secret_expires_at' in open, false);
  });
});

describe('The type of an application', () => {
  const typeOf = (fields: Fields): string => metadata(fields).application_type;

  test('is told by the first redirect URI, or by the device flow, if it is not said', () => {
    assert.equal(typeOf({}), 'web');
    assert.equal(typeOf(NATIVE), 'native');
    assert.equal(typeOf({ redirect_uris: ['org.example.garden:/cb', 'http://[::1]/cb'] }), 'native');
    assert.equal(typeOf({ redirect_uris: undefined, grant_types: [DEVICE_CODE] }), 'native');
    assert.equal(typeOf({ ...WEB, application_type: 'web', grant_types: ['authorization_code', DEVICE_CODE] }), 'web');
  });

  test('decides which redirect URIs are legal', () => {
    assert.deepEqual(faults({ application_type: 'native' }), ['invalid_redirect_uri', 'redirect_uris/0']);
    assert.deepEqual(faults({ ...NATIVE, application_type: 'web' }), ['invalid_redirect_uri', 'redirect_uris/0']);
    const mixed = ['https://garden.example/cb', 'http://localhost/cb'];
    assert.deepEqual(faults({ redirect_uris: mixed }), ['invalid_redirect_uri', 'redirect_uris/1']);
    assert.deepEqual(faults({ redirect_uris: mixed.toReversed() }), ['invalid_redirect_uri', 'redirect_uris/1']);
  });
});

describe('What is wrong with a registration', () => {
  const table: ReadonlyArray<readonly [string, Fields, readonly string[]]> = [
    ['no name', { client_name: undefined }, [BAD, 'client_name']],
    ['an empty name', { client_name: ' ' }, [BAD, 'client_name']],
    ['a name that is no text', { client_name: 7 }, [BAD, 'client_name']],
    ['null', { client_name: null }, [BAD, 'client_name']],
    ['a name of two lines', { client_name: 'a\nb' }, [BAD, 'client_name']],
    ['a name that turns around what follows', { client_name: 'a\u202eb' }, [BAD, 'client_name']],
    ['a name with a letter that nobody sees', { client_name: 'Gar\u200bden' }, [BAD, 'client_name']],
    ['a name with a soft hyphen', { client_name: 'Gar\u00adden' }, [BAD, 'client_name']],
    ['a name of nothing but joiners', { client_name: ' \u200d\ufe0f' }, [BAD, 'client_name']],
    ['a name of letters that are blank', { client_name: '\u3164\u2800' }, [BAD, 'client_name']],
    ['a name with half a character', { client_name: 'a\ud800' }, [BAD, 'client_name']],
    ['no website', { client_uri: undefined }, [BAD, 'client_uri']],
    ['a website without TLS', { client_uri: 'http://garden.example/' }, [BAD, 'client_uri']],
    ['a relative website', { client_uri: '/' }, [BAD, 'client_uri']],
    ['a website with a user', { client_uri: 'https://bank.example@garden.example/' }, [BAD, 'client_uri']],
    ['a website on the loopback interface', { client_uri: 'https://localhost/' }, [BAD, 'client_uri']],
    ['the same by address', { client_uri: 'https://127.0.0.1/' }, [BAD, 'client_uri']],
    ['the same by IPv6', { client_uri: 'https://[::1]/' }, [BAD, 'client_uri']],
    ['no redirect URI', { redirect_uris: undefined }, [BAD, 'redirect_uris']],
    ['an empty list', { redirect_uris: [] }, [BAD, 'redirect_uris']],
    ['no list', { redirect_uris: WEB.redirect_uris[0] }, [BAD, 'redirect_uris']],
    ['a list of numbers', { redirect_uris: [1] }, [BAD, 'redirect_uris/0']],
    [
      'the same redirect URI twice',
      { redirect_uris: ['https://garden.example/', 'https://garden.example/'] },
      [BAD, 'redirect_uris'],
    ],
    [
      'a redirect URI elsewhere',
      { redirect_uris: ['https://other.example/cb'] },
      ['invalid_redirect_uri', 'redirect_uris/0'],
    ],
    [
      'a redirect URI with a user',
      { redirect_uris: ['https://u@garden.example/'] },
      ['invalid_redirect_uri', 'redirect_uris/0'],
    ],
    ['a relative redirect URI', { redirect_uris: ['/cb'] }, ['invalid_redirect_uri', 'redirect_uris/0']],
    [
      'the URN of the device flow',
      { ...NATIVE, redirect_uris: [DEVICE_CODE] },
      ['invalid_redirect_uri', 'redirect_uris/0'],
    ],
    ['an unknown type', { application_type: 'desktop' }, [BAD, 'application_type']],
    ['an unknown method', { token_endpoint_auth_method: 'private_key_jwt' }, [BAD, 'token_endpoint_auth_method']],
    ['an unknown grant', { grant_types: ['authorization_code', 'magic'] }, [BAD, 'grant_types/1']],
    ['no grant', { grant_types: [] }, [BAD, 'grant_types']],
    ['a grant twice', { grant_types: ['authorization_code', 'authorization_code'] }, [BAD, 'grant_types']],
    ['an unknown response', { response_types: ['code', 'id_token'] }, [BAD, 'response_types/1']],
    ['a code without its response', { response_types: [] }, [BAD, 'response_types']],
    ['implicit without its response', { grant_types: ['implicit'] }, [BAD, 'response_types']],
    ['a token without implicit', { response_types: ['code', 'token'] }, [BAD, 'response_types']],
    ['terms elsewhere', { tos_uri: 'https://other.example/' }, [BAD, 'tos_uri']],
    ['a policy without TLS', { policy_uri: 'http://garden.example/' }, [BAD, 'policy_uri']],
    ['a logo that is a script', { logo_uri: 'javascript:alert(1)' }, [BAD, 'logo_uri']],
    ['a translated website elsewhere', { 'client_uri#de': 'https://other.example/' }, [BAD, 'client_uri#de']],
    ['translated terms elsewhere', { 'tos_uri#pt-BR': 'https://other.example/' }, [BAD, 'tos_uri#pt-BR']],
    ['a translated name that is no text', { 'client_name#de': 1 }, [BAD, 'client_name#de']],
    ['a scope with quotes', { scope: 'a "b"' }, [BAD, 'scope']],
    ['a scope that is a list', { scope: ['openid'] }, [BAD, 'scope']],
    ['no contacts', { contacts: [] }, [BAD, 'contacts']],
    ['a contact that is no address', { contacts: ['root'] }, [BAD, 'contacts/0']],
    ['software that is no UUID', { software_id: 'garden' }, [BAD, 'software_id']],
    ['a version that is a number', { software_version: 1 }, [BAD, 'software_version']],
    ['an unknown algorithm', { id_token_signed_response_alg: 'none' }, [BAD, 'id_token_signed_response_alg']],
    ['an algorithm without a key', { id_token_signed_response_alg: 'RS256' }, [BAD, 'id_token_signed_response_alg']],
    ['two things', { client_name: '', tos_uri: 'x' }, [BAD, 'client_name', 'tos_uri']],
    ['two kinds of things', { scope: 1, redirect_uris: ['/cb'] }, [BAD, 'scope', 'redirect_uris/0']],
  ];
  for (const [what, fields, blamed] of table) test(what, () => assert.deepEqual(faults(fields), blamed));

  test('names each limit', () => {
    const long = (chars: number): string => 'x'.repeat(chars);
    const at = (chars: number): string => `https://garden.example/${long(chars - 23)}`;
    const limits: ReadonlyArray<readonly [string, (size: number) => unknown, number]> = [
      ['client_name', long, 128],
      ['client_uri', at, 1024],
      ['logo_uri', at, 1024],
      ['scope', long, 1024],
      ['software_version', long, 64],
    ];
    for (const [field, make, max] of limits) {
      assert.deepEqual(faults({ [field]: make(max) }), [], field);
      assert.deepEqual(faults({ [field]: make(max + 1) }), [BAD, field]);
    }
    const lists: ReadonlyArray<readonly [string, (index: number) => string]> = [
      ['redirect_uris', (i) => `https://garden.example/${i}`],
      ['contacts', (i) => `${i}@garden.example`],
    ];
    for (const [field, make] of lists) {
      const many = (count: number): string[] => Array.from({ length: count }, (_, i) => make(i));
      assert.deepEqual(faults({ [field]: many(16) }), [], field);
      assert.deepEqual(faults({ [field]: many(17) }), [BAD, field]);
    }
    assert.deepEqual(faults({ redirect_uris: [at(1025)] }), [BAD, 'redirect_uris/0']);
    assert.deepEqual(faults({ contacts: [`${long(65)}@x.example`] }), [BAD, 'contacts/0']);
  });

  test('is also what the configuration has switched off', () => {
    const rules: RegistrationRules = {
      ...RULES,
      grantTypes: ['authorization_code'],
      responseTypes: ['code'],
      locales: [],
    };
    assert.deepEqual(faults({ grant_types: ['authorization_code', 'refresh_token'] }, rules), [BAD, 'grant_types/1']);
    assert.deepEqual(faults({ grant_types: ['implicit'], response_types: ['token'] }, rules).slice(0, 1), [BAD]);
    assert.deepEqual(readRegistration({ ...WEB, 'client_name#de': 1 }, rules), metadata());
  });
});

describe('A client without a secret', () => {
  const none = { token_endpoint_auth_method: 'none' };
  const blamed = [BAD, 'token_endpoint_auth_method'];

  test('may have codes that are bound, tokens for them, and the implicit flow', () => {
    assert.deepEqual(faults({ ...none, grant_types: ['authorization_code', 'refresh_token'] }), []);
    assert.deepEqual(
      faults({ ...none, grant_types: ['implicit'], response_types: ['token'] }, { ...RULES, areCodesBound: false }),
      [],
    );
  });

  test('may have no code that is not bound, and no other grant', () => {
    assert.deepEqual(faults(none, { ...RULES, areCodesBound: false }), blamed);
    assert.deepEqual(faults({ ...none, redirect_uris: undefined, grant_types: [DEVICE_CODE] }), blamed);
    assert.deepEqual(faults({ ...none, grant_types: ['password'] }), blamed);
  });

  test('cannot verify what is signed with a secret', () => {
    const fields = { ...none, id_token_signed_response_alg: 'HS256' };
    assert.deepEqual(faults(fields), [BAD, 'id_token_signed_response_alg']);
  });
});

describe('Metadata', () => {
  const word = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).filter((text) => text.trim() !== '');
  const path = fc.webPath();
  const uri = path.map((text) => `https://garden.example${text || '/'}`);
  const fields = fc.record(
    {
      client_name: word,
      client_uri: uri,
      redirect_uris: fc.uniqueArray(uri, { minLength: 1, maxLength: 3 }),
      tos_uri: uri,
      scope: fc.constantFrom('openid', 'openid xmpp', 'xmpp:client:normal'),
      grant_types: fc.constantFrom(['authorization_code'], ['authorization_code', 'refresh_token']),
      token_endpoint_auth_method: fc.constantFrom('client_secret_basic', 'client_secret_post', 'none'),
      software_id: fc.uuid(),
      'client_name#de': word,
    },
    { requiredKeys: ['client_name', 'client_uri', 'redirect_uris'] },
  );

  test('comes out of an identifier as it went in', async () => {
    const keys = openKeys();
    await fc.assert(
      fc.asyncProperty(fields, async (given) => {
        fc.pre(faults(given).length === 0);
        const wanted = metadata(given);
        const made = await keys.sign(wanted);
        const known = await keys.verify(made.id);
        assert.deepEqual(known?.metadata, wanted);
        assert.equal(known?.secret, made.secret);
        assert.deepEqual(parseMetadata({ ...wanted }), wanted);
      }),
      { numRuns: 200 },
    );
  });

  test('of any kind is read, or refused with an error that has a name', () => {
    const names = [
      'client_name',
      'client_uri',
      'redirect_uris',
      'grant_types',
      'response_types',
      'scope',
      'contacts',
      'software_id',
      'client_name#de',
      'logo_uri',
    ];
    const value = fc.oneof(fc.jsonValue(), uri, fc.array(fc.oneof(uri, fc.string())), fc.string());
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...names), value, { maxKeys: 5 }), (given) => void faults(given)),
      { numRuns: 1000 },
    );
    fc.assert(
      fc.property(fc.jsonValue(), (json) => {
        try {
          readRegistration(json, RULES);
        } catch (error) {
          assert.ok(error instanceof OAuthError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('The schema of registrations', () => {
  const schema = registrationSchema({ ...RULES, grantTypes: ['authorization_code', 'refresh_token'], locales: ['de'] });

  test('names every field that is kept, and what the configuration allows', () => {
    assert.equal(schema['$schema'], 'https://json-schema.org/draft/2020-12/schema');
    assert.deepEqual(schema['required'], ['client_name', 'client_uri']);
    const properties = Object(schema['properties']);
    const kept = Object.keys(
      client({ scope: 'x', contacts: ['a@b.example'], software_id: UUID, software_version: '1' }).metadata,
    );
    for (const field of kept) assert.ok(field in properties, field);
    assert.deepEqual(properties.grant_types.items.enum, ['authorization_code', 'refresh_token']);
    assert.equal(properties.redirect_uris.uniqueItems, true);
    assert.ok('client_name#de' in properties);
    assert.ok(!('client_name#fr' in properties));
  });
});
