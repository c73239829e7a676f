import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Config } from '../../../src/config/config.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { type Section, section } from '../../../src/config/schema.ts';
import { featureSections, features } from '../../../src/features/registry.ts';
import { extendedReportOf, reportOf, stanzaCounts } from '../../../src/features/system-report/collect.ts';
import type { ReportEvent } from '../../../src/features/system-report/events.ts';
import { MODULES } from '../../../src/features/system-report/known.ts';

const VERSION = '1.4.0';
const NO_STANZAS = new Map<string, number>();
const ON = { systemReport: { report: true } };

type Sections = Readonly<Record<string, Section | undefined>>;

function load(file: Record<string, unknown>, sections: Sections = featureSections): Config {
  return loadConfig('/etc/parley/config.json', { sections, readFile: () => JSON.stringify(file) }).config;
}

function reported(file: Record<string, unknown>, sections?: Sections): ReportEvent[] {
  return reportOf({ config: load({ features: ON, ...file }, sections), version: VERSION, uptimeMs: 0 });
}

function named(events: readonly ReportEvent[], name: string): ReportEvent['params'][] {
  return events.filter((event) => event.name === name).map(({ params }) => params);
}

function moduleOf(events: readonly ReportEvent[], module: string): ReportEvent['params'][] {
  return named(events, 'module_with_opt').filter((params) => params['module'] === module);
}

test('the report says what the server is, for how long it has run, and that it is alone', () => {
  const uptimeMs = ((12 * 24 + 4) * 3600 + 31 * 60 + 9) * 1000 + 999;
  const events = reportOf({ config: load({ features: ON }), version: VERSION, uptimeMs });
  assert.deepEqual(named(events, 'cluster'), [
    { version: VERSION, uptime: '0012-04:31:09', node_number: 1, component: 0 },
  ]);
});

test('a feature is told with those of its options that are in the table, and what is off is not told', () => {
  const events = reported({ features: { ...ON, csi: { holdGroupchat: true, maxStanzas: 77 }, ping: false } });
  assert.deepEqual(moduleOf(events, 'csi'), [{ module: 'csi', holdGroupchat: 'true' }]);
  assert.deepEqual(moduleOf(events, 'roster'), [{ module: 'roster', backend: 'level' }]);
  assert.deepEqual(moduleOf(events, 'ping'), []);
});

test('hosts that are alike are told once, and hosts that refuse are left out', () => {
  const hosts = {
    'verona.example': {},
    'mantua.example': {},
    'padua.example': { features: { csi: { holdGroupchat: true } } },
    'venice.example': { features: { systemReport: { report: false }, version: { os: true } } },
  };
  const events = reported({ hosts });
  assert.deepEqual(
    moduleOf(events, 'csi').map((params) => params['holdGroupchat']),
    ['false', 'true'],
  );
  assert.deepEqual(moduleOf(events, 'version'), [{ module: 'version', os: 'false' }]);
});

test('of features that nobody compiled into the table only the number is told', () => {
  const custom = Object.fromEntries(
    ['tybaltDuels', 'nurseGossip', 'friarPotions'].map((name) => [name, section('', {})]),
  );
  const hosts = { 'verona.example': {}, 'mantua.example': {} };
  const events = reported({ hosts, features: ON }, { ...featureSections, ...custom });
  assert.deepEqual(named(events, 'custom_module_count'), [{ value: 3 }]);
  assert.doesNotMatch(JSON.stringify(events), /tybalt|nurse|friar/i);
});

test('ways in and what is served over HTTP are told as enabled, when they are', () => {
  const all = reported({});
  assert.deepEqual(named(all, 'transport_mechanism'), [{ tcp: 'enabled', websocket: 'enabled' }]);
  const [handlers] = named(all, 'http_api');
  assert.equal(handlers?.['upload'], 'enabled');
  assert.ok(Object.values(handlers ?? {}).every((value) => value === 'enabled'));
  const none = reported({ listen: { http: [], https: [] } });
  assert.deepEqual(named(none, 'http_api'), []);
  assert.deepEqual(named(none, 'transport_mechanism'), [{ tcp: 'enabled' }]);
});

test('numbers of hosts and stanzas are only in the extended report', () => {
  const plain = new Set(reported({}).map(({ name }) => name));
  const expected = ['cluster', 'module_with_opt', 'custom_module_count', 'http_api', 'transport_mechanism'];
  assert.deepEqual(plain, new Set(expected));
  const config = load({ features: ON, hosts: { 'verona.example': {}, 'mantua.example': {} } });
  assert.deepEqual(extendedReportOf(config, NO_STANZAS), [
    { name: 'cluster', params: { config_type: 'json' } },
    { name: 'host_count', params: { value: 2 } },
    { name: 'domain_count', params: { value: 2 } },
    { name: 'tls_option', params: { module: 'c2s', mode: 'starttls_required' } },
  ]);
});

test('the first increment of stanzas is their total, a later one the difference', () => {
  const refused = { features: { systemReport: { report: false } } };
  const hosts = { 'verona.example': {}, 'mantua.example': {}, 'venice.example': refused };
  const config = load({ hosts, features: ON });
  const totals = (sent: number) => {
    const each = (host: string, direction: string, value: number) =>
      ['message', 'iq', 'presence'].map((kind) => ({ suffix: '_total', labels: { host, kind, direction }, value }));
    return stanzaCounts(config, [
      ...each('verona.example', 'in', sent - 1),
      ...each('mantua.example', 'in', 1),
      ...each('verona.example', 'out', 2 * sent),
      ...each('venice.example', 'in', 1000),
    ]);
  };
  const [first, second] = [totals(10), totals(25)];
  const counts = (events: readonly ReportEvent[]) => named(events, 'xmpp_stanza_count');
  assert.deepEqual(counts(extendedReportOf(config, first)).slice(0, 2), [
    { stanza_type: 'xmppMessageSent', total: 10, increment: 10 },
    { stanza_type: 'xmppMessageReceived', total: 20, increment: 20 },
  ]);
  const later = counts(extendedReportOf(config, second, first));
  assert.equal(later.length, 6);
  assert.deepEqual(later.at(-1), { stanza_type: 'xmppPresenceReceived', total: 50, increment: 30 });
});

test('every feature of the server is in the table, with options that it has', () => {
  for (const feature of features) {
    const known = MODULES[feature.name];
    assert.ok(known, `${feature.name} is missing in src/features/system-report/known.ts`);
    const own = Object.keys(feature.config?.entries ?? {});
    for (const option of Object.keys(known)) {
      assert.ok(option === 'backend' || own.includes(option), `${feature.name} has no option ${option}`);
    }
  }
});

test('whatever is configured, the report has none of its names, addresses and paths', () => {
  const word = fc.stringMatching(/^zz[a-z]{8,12}$/);
  const configured = fc.record({
    domains: fc.uniqueArray(word, { minLength: 1, maxLength: 4 }),
    admin: word,
    folder: word,
    group: word,
    application: word,
    id: word,
    off: fc.subarray(['ping', 'time', 'vcard', 'upload', 'csi', 'fast', 'carbons', 'version']),
    isDelegated: fc.boolean(),
  });
  fc.assert(
    fc.property(configured, ({ domains, admin, folder, group, application, id, off, isDelegated }) => {
      const url = `https://${application}.example/%s`;
      const contacts = isDelegated ? { roster: false, delegatedRoster: { url } } : {};
      const file = {
        dataDir: `/var/${folder}`,
        admins: [`${admin}@${domains[0]}.example`],
        hosts: Object.fromEntries(domains.map((name) => [`${name}.example`, { name, features: contacts }])),
        features: {
          ...Object.fromEntries(off.map((name) => [name, false])),
          groups: { groups: { [group]: { members: [admin] } } },
          systemReport: {
            report: true,
            trackingId: { id, secret: `${id}-secret` },
            googleAnalyticsUrl: `https://${application}.example/collect`,
          },
        },
      };
      const config = load(file);
      const events = [...reportOf({ config, version: VERSION, uptimeMs: 1 }), ...extendedReportOf(config, NO_STANZAS)];
      assert.doesNotMatch(JSON.stringify(events), /zz|example/);
    }),
    { numRuns: 200 },
  );
});
