import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defineConfig } from '../../src/config/config.ts';
import { diffConfig } from '../../src/config/diff.ts';
import { flag } from '../../src/config/kinds.ts';
import { loadConfig } from '../../src/config/load.ts';
import { option, section } from '../../src/config/schema.ts';

const sections = {
  ping: undefined,
  mam: section('Archives.', {
    live: option(flag(), { default: true, doc: 'Applied at once.', reload: 'live' }),
    cold: option(flag(), { default: true, doc: 'Applied at the next start.', reload: 'restart' }),
  }),
};

function changes(before: unknown, after: unknown, secrets: readonly [string, string] = ['same', 'same']) {
  const [a, b] = [before, after].map((value, index) => {
    const readFile = () => JSON.stringify(value);
    return loadConfig('/etc/parley.json', { sections, env: { SECRET: secrets[index] }, readFile }).config;
  });
  assert.ok(a !== undefined && b !== undefined);
  return diffConfig(defineConfig(sections), a, b);
}

test('equal configurations do not differ, however they are written', () => {
  const spelled = { hosts: { LOCALHOST: {} }, log: { level: 'info' }, features: { ping: true, mam: { live: true } } };
  assert.deepEqual(changes({}, spelled), { live: [], restart: [] });
});

test('each changed option is listed by its path, under what its change needs', () => {
  const after = {
    dataDir: '/var/lib/parley',
    listen: { c2s: [{ address: '::', port: 5333 }], http: [] },
    limits: { traffic: { stanzas: null, bytes: { perSecond: 65_536, burst: 1 } } },
    log: { level: 'debug', format: 'json' },
  };
  assert.deepEqual(changes({}, after), {
    live: ['limits.traffic.stanzas', 'limits.traffic.bytes', 'log.level'],
    restart: ['dataDir', 'listen.c2s', 'listen.http', 'log.format'],
  });
});

test('the order of a list and its length matter', () => {
  const mechanisms = (...names: string[]) => ({ auth: { mechanisms: names } });
  assert.deepEqual(changes(mechanisms('PLAIN', 'SCRAM-SHA-1'), mechanisms('SCRAM-SHA-1', 'PLAIN')).live, [
    'auth.mechanisms',
  ]);
  assert.deepEqual(changes(mechanisms('PLAIN', 'SCRAM-SHA-1'), mechanisms('PLAIN')).live, ['auth.mechanisms']);
});

test('a secret that reads differently is a change, by its content only', () => {
  const config = { tls: { certificate: 'a.pem', key: { env: 'SECRET' } } };
  assert.deepEqual(changes(config, config), { live: [], restart: [] });
  assert.deepEqual(changes(config, config, ['old', 'new']), { live: ['tls.key'], restart: [] });
  assert.deepEqual(changes({}, config).live, ['tls.certificate', 'tls.key']);
});

test('a host that comes or goes needs a restart, an option of one that stays may not', () => {
  const before = { hosts: { 'a.example': {}, 'b.example': {} } };
  const after = { hosts: { 'b.example': { name: 'B' }, 'c.example': {} } };
  assert.deepEqual(changes(before, after), {
    live: ['hosts["b.example"].name'],
    restart: ['hosts["a.example"]', 'hosts["c.example"]'],
  });
});

test('a feature switched on or off needs a restart, its options say themselves', () => {
  const features = (mam: unknown) => ({ features: { mam } });
  assert.deepEqual(changes(features(false), features(true)), { live: [], restart: ['features.mam'] });
  assert.deepEqual(changes(features(true), features(false)), { live: [], restart: ['features.mam'] });
  assert.deepEqual(changes(features(false), features(false)), { live: [], restart: [] });
  assert.deepEqual(changes(features({}), features({ live: false, cold: false })), {
    live: ['features.mam.live'],
    restart: ['features.mam.cold'],
  });
});

test('a feature that a host has for itself is compared with what it was or will be there', () => {
  const host = (own: unknown, mam: unknown = {}) => ({ hosts: { localhost: { features: own } }, features: { mam } });
  assert.deepEqual(changes(host({}), host({ mam: {} })), { live: [], restart: [] });
  assert.deepEqual(changes(host({}), host({ mam: { live: false, cold: false } })), {
    live: ['hosts.localhost.features.mam.live'],
    restart: ['hosts.localhost.features.mam.cold'],
  });
  assert.deepEqual(changes(host({ mam: false }), host({})), { live: [], restart: ['hosts.localhost.features.mam'] });
  assert.deepEqual(changes(host({ mam: false }, false), host({}, false)), { live: [], restart: [] });
  assert.deepEqual(changes(host({ mam: {} }), host({ mam: {} }, { live: false })), {
    live: ['features.mam.live'],
    restart: [],
  });
});
