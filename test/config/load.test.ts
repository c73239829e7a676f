import assert from 'node:assert/strict';
import { resolve } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { flag, integer, oneOf } from '../../src/config/kinds.ts';
import { dataDirOf, loadConfig, parseSection } from '../../src/config/load.ts';
import { ConfigError, type ConfigProblem } from '../../src/config/problem.ts';
import { option, section } from '../../src/config/schema.ts';

const mam = section('Archives.', {
  maxPage: option(integer(1, 500), { default: 50, doc: 'The largest page.', reload: 'live' }),
  preference: option(oneOf('always', 'never'), { default: 'always', doc: 'Whom to archive.', reload: 'restart' }),
});
const sections = { ping: undefined, mam };

interface Around {
  readonly env?: Record<string, string>;
  readonly files?: Record<string, string>;
}

function load(text: string, { env = {}, files = {} }: Around = {}) {
  const readFile = (path: string): string => {
    const content = { '/etc/parley/config.json': text, ...files }[path];
    if (content === undefined) throw Object.assign(new Error(`no ${path}`), { code: 'ENOENT' });
    return content;
  };
  return loadConfig('/etc/parley/config.json', { sections, env, readFile });
}

function loadValue(value: unknown, around?: Around) {
  return load(JSON.stringify(value), around);
}

function errorOf(run: () => unknown): ConfigError {
  try {
    run();
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error;
  }
  assert.fail('nothing was thrown');
}

function problemsOf(value: unknown, around?: Around): readonly ConfigProblem[] {
  return errorOf(() => loadValue(value, around)).problems;
}

test('an empty file is the default configuration', () => {
  const { config, warnings } = loadValue({});
  assert.deepEqual(config.hosts['localhost']?.contacts.abuse, []);
  assert.deepEqual(config.listen.c2s, [{ address: '::', port: 5222 }]);
  assert.equal(config.c2s.requireEncryption, true);
  assert.equal(config.limits.stanza.bytesBeforeAuth, 10_240);
  assert.equal(config.tls.certificate, undefined);
  assert.ok(!config.auth.mechanisms.includes('ANONYMOUS'));
  assert.deepEqual(warnings, []);
});

test('the default configuration is valid and equals that of an empty file but for the folder', () => {
  const { config, warnings } = loadConfig(undefined, { sections });
  assert.deepEqual({ ...config, dataDir: '/etc/parley/data' }, loadValue({}).config);
  assert.equal(config.dataDir, `${process.cwd()}/data`);
  assert.deepEqual(warnings, []);
});

test('paths start at the folder of the configuration file', () => {
  assert.equal(loadValue({ dataDir: '../spool' }).config.dataDir, '/etc/spool');
  assert.equal(loadValue({ dataDir: '/var/lib/parley' }).config.dataDir, '/var/lib/parley');
});

test('$schema is allowed', () => {
  assert.doesNotThrow(() => loadValue({ $schema: './config.schema.json' }));
});

test('hosts and administrators are prepared as addresses', () => {
  const { config } = loadValue({ hosts: { 'Example.ORG': {} }, admins: ['Alice@EXAMPLE.org'] });
  assert.deepEqual(Object.keys(config.hosts), ['example.org']);
  assert.deepEqual(config.admins, ['alice@example.org']);
});

test('two spellings of one host are a problem', () => {
  assert.deepEqual(
    problemsOf({ hosts: { 'example.org': {}, 'EXAMPLE.org': {} } }).map(({ path }) => path),
    ['hosts'],
  );
});

test('an administrator is a bare JID', () => {
  const problems = problemsOf({ admins: ['example.org', 'a@example.org/phone', '@', 'a@example.org'] });
  assert.deepEqual(
    problems.map(({ path }) => path),
    ['admins[0]', 'admins[1]', 'admins[2]'],
  );
});

test('all problems are told at once, each with its path', () => {
  const problems = problemsOf({
    listen: {
      c2s: [
        { address: '::', port: 70_000 },
        { address: 'everywhere', port: 1 },
      ],
      https: {},
    },
    limits: { traffic: { stanzas: { perSecond: 0, burst: 1 } }, timeouts: { bindMs: 1.5 } },
    log: { level: 'inof' },
    listn: {},
    features: { mam: { maxPage: 501 }, png: true, ping: 3 },
  });
  assert.deepEqual(
    problems.map(({ path }) => path),
    [
      'listen.c2s[0].port',
      'listen.c2s[1].address',
      'listen.https',
      'limits.traffic.stanzas.perSecond',
      'limits.timeouts.bindMs',
      'log.level',
      'features.ping',
      'features.mam.maxPage',
      'features.png',
      'listn',
    ],
  );
});

test('the message lists the problems with what was expected and found', () => {
  const { message } = errorOf(() => loadValue({ c2s: { requireEncryption: 'yes' }, auth: { iterations: 1 } }));
  assert.equal(
    message,
    [
      '/etc/parley/config.json is not valid:',
      '  c2s.requireEncryption: expected true or false, found "yes"',
      '  auth.iterations: expected an integer from 4096 to 10000000, found 1',
    ].join('\n'),
  );
});

test('a typo gets the nearest valid name, of options and of values alike', () => {
  const suggestions = problemsOf({
    lisen: {},
    tls: { certifcate: 'a.pem', clientCertificates: { enable: true } },
    auth: { mechanisms: ['SCRAM-SHA256'] },
    features: { pign: true, xyzzy: true },
  }).map(({ path, suggestion }) => [path, suggestion]);
  assert.deepEqual(suggestions, [
    ['tls.clientCertificates.enable', 'enabled'],
    ['tls.certifcate', 'certificate'],
    ['auth.mechanisms[0]', 'SCRAM-SHA-256'],
    ['features.pign', 'ping'],
    ['features.xyzzy', undefined],
    ['lisen', 'listen'],
  ]);
});

test('every unknown option of an object is told, also in lists and by names that objects inherit', () => {
  const problems = problemsOf({
    toString: 1,
    listen: { http: [{ address: '::1', port: 1, tls: true, hasOwnProperty: 1 }] },
  });
  assert.deepEqual(
    problems.map(({ path }) => path),
    ['listen.http[0].tls', 'listen.http[0].hasOwnProperty', 'toString'],
  );
});

test('the path of a name that is no identifier is quoted', () => {
  assert.deepEqual(
    problemsOf({ hosts: { 'example.org': { nme: 'x' } } }).map(({ path }) => path),
    ['hosts["example.org"].nme'],
  );
});

test('a list, null or a number is no configuration', () => {
  for (const value of [[], null, 3, 'text']) assert.equal(problemsOf(value)[0]?.path, '');
});

test('a section cannot be a list or null', () => {
  assert.deepEqual(
    problemsOf({ limits: [], tls: null, hosts: [] }).map(({ path, expected }) => [path, expected]),
    [
      ['hosts', 'an object'],
      ['tls', 'an object'],
      ['limits', 'an object'],
    ],
  );
});

test('a secret is a string, the content of a file or an environment variable', () => {
  const secretOf = (keyPassphrase: unknown, around: Around) => {
    const files = { '/etc/parley/cert.pem': 'CERT', '/etc/parley/key.pem': 'KEY\n', ...around.files };
    const tls = { certificate: 'cert.pem', key: 'key.pem', keyPassphrase };
    return loadValue({ tls }, { ...around, files }).config.tls.keyPassphrase?.reveal();
  };
  assert.equal(secretOf('hunter2', {}), 'hunter2');
  assert.equal(secretOf({ file: 'pass' }, { files: { '/etc/parley/pass': 'from file\r\n' } }), 'from file');
  assert.equal(secretOf({ env: 'PASS' }, { env: { PASS: 'from env' } }), 'from env');
});

test('a key is the path of its file, a variable with its text, or PEM itself', () => {
  const keyOf = (key: unknown, around: Around) =>
    loadValue({ tls: { certificate: 'cert.pem', key } }, around).config.tls.key?.reveal();
  assert.equal(keyOf('key.pem', { files: { '/etc/parley/key.pem': 'KEY\n' } }), 'KEY');
  assert.equal(keyOf({ env: 'KEY' }, { env: { KEY: 'KEY' } }), 'KEY');
  assert.equal(keyOf('-----BEGIN PRIVATE KEY-----\nAA==', {}), '-----BEGIN PRIVATE KEY-----\nAA==');
});

test('an unreadable file, an empty one and an unset variable are problems where they are named', () => {
  const tls = { certificate: 'cert.pem', key: { file: 'missing.pem' }, keyPassphrase: { env: 'MISSING' } };
  const host = { tls: { certificate: 'cert.pem', key: { file: 'empty.pem' } } };
  const problems = problemsOf({ hosts: { localhost: host }, tls }, { files: { '/etc/parley/empty.pem': '\n' } });
  assert.deepEqual(
    problems.map(({ path, expected }) => `${path}: ${expected}`),
    [
      'hosts.localhost.tls.key: a file with a secret in it at /etc/parley/empty.pem',
      'tls.key: a readable file at /etc/parley/missing.pem (ENOENT)',
      'tls.keyPassphrase: the environment variable MISSING to be set',
    ],
  );
});

test('no message repeats what stands in the place of a secret', () => {
  for (const keyPassphrase of [271828, { password: 'hunter2' }, ['hunter2'], { file: 'x', env: 'hunter2' }]) {
    const { message } = errorOf(() => loadValue({ tls: { keyPassphrase } }));
    assert.match(message, /tls\.keyPassphrase/);
    assert.doesNotMatch(message, /hunter2|271828/);
  }
});

test('a feature is switched off by false, and on with defaults by true, {} or nothing', () => {
  const features = (value: unknown) => loadValue({ features: value }).config.features;
  const defaults = { maxPage: 50, preference: 'always' };
  assert.deepEqual(features({}), { ping: {}, mam: defaults });
  assert.deepEqual(features({ ping: true, mam: {} }), { ping: {}, mam: defaults });
  assert.deepEqual(features({ ping: false, mam: { maxPage: 20 } }), { ping: false, mam: { ...defaults, maxPage: 20 } });
});

test('a feature may be neither a list nor null', () => {
  assert.deepEqual(
    problemsOf({ features: { mam: [], ping: null } }).map(({ path, expected }) => [path, expected]),
    [
      ['features.ping', 'an object, true or false'],
      ['features.mam', 'an object, true or false'],
    ],
  );
});

test('a section is parsed by itself, with defaults and problems', () => {
  assert.deepEqual(parseSection(mam), { maxPage: 50, preference: 'always' });
  assert.equal(parseSection(mam, { maxPage: 3 }).maxPage, 3);
  assert.equal(errorOf(() => parseSection(mam, { maxpage: 3 })).problems[0]?.suggestion, 'maxPage');
});

test('rates, quotas and counters are switched off by null', () => {
  const { config } = loadValue({
    limits: {
      traffic: { stanzas: null, bytes: null },
      connections: { unauthenticatedPerAddress: null, attemptsPerAddress: null },
    },
    auth: { failuresPerAccount: null, failuresPerAddress: null },
    registration: { rateLimit: null },
  });
  assert.equal(config.limits.traffic.stanzas, null);
  assert.equal(config.limits.connections.attemptsPerAddress, null);
  assert.equal(config.registration.rateLimit, null);
});

test('listeners may be switched off and take a free port', () => {
  const { config } = loadValue({ listen: { c2s: [{ address: '127.0.0.1', port: 0 }], c2sTls: [], http: [] } });
  assert.deepEqual(config.listen.c2sTls, []);
  assert.equal(config.listen.c2s[0]?.port, 0);
});

test('reverse proxies are addresses or ranges, and the public URL is plain https', () => {
  const http = { publicUrl: 'https://chat.example.org/xmpp', trustedProxies: ['127.0.0.1', '10.0.0.0/8', 'fd00::/8'] };
  assert.deepEqual(loadValue({ http }).config.http, http);
  assert.deepEqual(loadValue({}).config.http, { trustedProxies: [] });
  for (const range of ['localhost', '10.0.0.0/33', '']) {
    assert.equal(problemsOf({ http: { trustedProxies: [range] } })[0]?.path, 'http.trustedProxies[0]', range);
  }
  const urls = [
    'http://a.example',
    'https://',
    'https://u:p@a.example',
    'https://a.example?b',
    'https://a.example#b',
    'a',
  ];
  for (const publicUrl of urls) assert.equal(problemsOf({ http: { publicUrl } })[0]?.path, 'http.publicUrl', publicUrl);
});

test('options that contradict each other are problems', () => {
  const problems = problemsOf({
    hosts: {},
    tls: { certificate: 'cert.pem', clientCertificates: { enabled: true } },
    auth: { mechanisms: [] },
    limits: { stanza: { bytesBeforeAuth: 20_000, bytes: 10_000 } },
  });
  assert.deepEqual(
    problems.map(({ path }) => path),
    [
      'hosts',
      'tls.key',
      'tls.clientCertificates.certificateAuthorities',
      'auth.mechanisms',
      'limits.stanza.bytesBeforeAuth',
    ],
  );
});

test('a key without its certificate is a problem', () => {
  assert.equal(problemsOf({ tls: { key: { env: 'KEY' } } }, { env: { KEY: 'K' } })[0]?.path, 'tls.certificate');
});

test('what is allowed but hardly meant is warned of', () => {
  const { warnings } = loadValue({
    admins: ['alice@elsewhere.example'],
    auth: { allowPlaintext: true, mechanisms: ['SCRAM-SHA-256'] },
    registration: { enabled: true, rateLimit: null },
  });
  assert.equal(warnings.length, 4);
  assert.match(loadValue({ c2s: { requireEncryption: false } }).warnings.join(), /in the clear/);
  assert.match(loadValue({ http: { trustedProxies: ['::/0'] } }).warnings.join(), /::\/0 trusts what anybody says/);
  const nowhere = { c2s: [], c2sTls: [], http: [], https: [] };
  assert.deepEqual(loadValue({ listen: nowhere }).warnings, ['listen: the server listens nowhere']);
  assert.deepEqual(loadValue({ listen: { ...nowhere, http: undefined } }).warnings, []);
});

test('an interval of memory figures that is no number of seconds is no reason not to start: it is warned of', () => {
  for (const given of [-5, 'abc', null, [60]]) {
    const { config, warnings } = loadValue({ metrics: { memoryInfoInterval: given } });
    assert.ok(Number.isNaN(config.metrics.memoryInfoInterval));
    assert.deepEqual(warnings, ['metrics.memoryInfoInterval is no number of seconds, 0 or more: 60 is used']);
  }
  const { config, warnings } = loadValue({ metrics: { memoryInfoInterval: 0 } });
  assert.deepEqual([config.metrics.memoryInfoInterval, warnings], [0, []]);
});

test('the prefix of metrics is a name', () => {
  for (const prefix of ['1chat', 'chat-', '', 'a b']) {
    assert.equal(problemsOf({ metrics: { prefix } })[0]?.path, 'metrics.prefix');
  }
});

test('a syntax error is told with its line and column', () => {
  const { message } = errorOf(() => load('{\n  "log": {\n    "level": info\n  }\n}'));
  assert.equal(message, '/etc/parley/config.json:3:14 is not valid:\n  expected JSON, found "info"');
});

test('a file that cannot be read is one problem', () => {
  const { problems } = errorOf(() => loadConfig('/nonexistent/parley.json', { sections }));
  assert.equal(problems[0]?.expected, 'a readable file');
  assert.match(problems[0]?.found ?? '', /ENOENT/);
});

test('where the data is can be told of a file with problems, unless they hide it', () => {
  const dirOf = (text: string) => dataDirOf('/etc/parley/config.json', { sections, readFile: () => text });
  assert.equal(dirOf('{"hots": {}, "dataDir": "here", "log": {"level": 5}}'), '/etc/parley/here');
  assert.equal(dirOf('{"hosts": [], "dataDir": "/srv/data"}'), '/srv/data');
  assert.equal(dirOf('{"hosts": []}'), '/etc/parley/data');
  for (const text of ['{"dataDir": 5}', '{"dataDir": "here"', '[]', '', 'null'])
    assert.equal(dirOf(text), undefined, text);
  assert.equal(dataDirOf('/nonexistent/parley.json', { sections }), undefined);
  assert.equal(dataDirOf(undefined, { sections }), resolve('data'));
});

test('a huge file is refused', () => {
  const { problems } = errorOf(() => load(`{"x": "${'a'.repeat(1_100_000)}"}`));
  assert.match(problems[0]?.expected ?? '', /at most 1048576 characters/);
});

test('a message stays short whatever the file holds', () => {
  const wide = Object.fromEntries(Array.from({ length: 5000 }, (_, index) => [`${'x'.repeat(90)}${index}`, 1]));
  const { message } = errorOf(() => loadValue({ ...wide, log: { level: 'y'.repeat(100_000) } }));
  assert.ok(message.length < 20_000, `${message.length}`);
  assert.match(message, /and 4951 more/);
});

test('whatever JSON a file holds, it loads or is refused with problems', () => {
  const names = ['hosts', 'listen', 'tls', 'auth', 'limits', 'features', 'log', '$schema', 'toString', 'key', 'file'];
  const value = fc.letrec<{ any: unknown }>((tie) => ({
    any: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      fc.constantFrom(null, true, false, 0, -1, 5222, '', 'info', '::', 'a@b'),
      fc.array(tie('any'), { maxLength: 3 }),
      fc.dictionary(fc.oneof(fc.constantFrom(...names), fc.string()), tie('any'), { maxKeys: 5 }),
    ),
  })).any;
  fc.assert(
    fc.property(value, (input) => {
      try {
        loadValue(input);
      } catch (error) {
        assert.ok(error instanceof ConfigError, String(error));
        assert.ok(error.problems.length > 0);
      }
    }),
    { numRuns: 500 },
  );
});

test('an option of a section that is not a literal keeps its type', () => {
  const one = section('One.', { on: option(flag(), { default: true, doc: 'On.', reload: 'live' }) });
  const on: boolean = parseSection(one).on;
  assert.equal(on, true);
});
