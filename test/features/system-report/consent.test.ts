import assert from 'node:assert/strict';
import { access, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { CLIENT_ID } from '../../../src/features/system-report/client-id.ts';
import { systemReport } from '../../../src/features/system-report/index.ts';
import { openMemoryStore } from '../../../src/store/memory.ts';
import { eventually } from '../../support/live-server.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { Stage, type StageOptions } from '../../support/stage.ts';
import { Collector } from './collector.ts';

const INITIAL_MS = 1000;
const PERIOD_MS = 2000;

interface Given {
  /** What stands in the configuration for the feature; undefined: nothing. */
  readonly section?: unknown;
  readonly stage?: Partial<StageOptions>;
}

async function open(t: TestContext, { section, stage: options = {} }: Given) {
  const dataDir = await mkdtemp(join(tmpdir(), 'parley-report-'));
  const configured = (value: unknown) => ({ dataDir, features: value === undefined ? {} : { systemReport: value } });
  const stage = await Stage.open(t, { features: [systemReport], config: configured(section), ...options });
  t.after(() => rm(dataDir, { recursive: true, force: true }));
  const file = join(dataDir, 'system_metrics_report.json');
  return {
    stage,
    file,
    said: () => stage.log.records.filter(({ event }) => event.startsWith('system-report.')),
    reload: (value: unknown) => stage.reload(configured(value)),
    isWritten: () =>
      access(file).then(
        () => true,
        () => false,
      ),
  };
}

/** Waits until there is a report; the disk takes time that the clock of the stage does not know of. */
async function report(file: string): Promise<{ name: string; params: Record<string, unknown> }[]> {
  let text = '';
  await eventually('there is a report', () => {
    readFile(file, 'utf8').then(
      (read) => {
        text = read;
      },
      () => {},
    );
    return text !== '';
  });
  return JSON.parse(text);
}

function trackedBy(collector: Collector, more: Record<string, unknown> = {}) {
  const trackingId = { id: 'G-VERONA', secret: 'secret' };
  const times = { initialReportMs: INITIAL_MS, periodicReportMs: PERIOD_MS };
  return { report: true, trackingId, googleAnalyticsUrl: collector.url, ...times, ...more };
}

for (const section of [true, {}]) {
  test(`without a word about consent (${JSON.stringify(section)}) it runs, and each start warns once and names the file`, async (t) => {
    const { stage, said, file } = await open(t, { section });
    const [warning, ...others] = said();
    assert.deepEqual(others, []);
    assert.equal(warning?.level, 'warn');
    assert.equal(warning?.event, 'system-report.on');
    const fields = JSON.stringify(warning);
    for (const part of [file, 'docs/privacy.md', '"report\\": false', 'features are in use', 'region', 'nobody']) {
      assert.ok(fields.includes(part), `the warning does not say ${part}`);
    }
    await stage.clock.advance(300_000);
    await report(file);
    assert.equal(said().length, 1);
  });
}

test('with consent it runs and says nothing', async (t) => {
  const { stage, said, file } = await open(t, { section: { report: true } });
  await stage.clock.advance(300_000);
  await report(file);
  assert.deepEqual(said(), []);
});

for (const section of [{ report: false }, false]) {
  test(`refused (${JSON.stringify(section)}), it is not started, says nothing, writes nothing and connects to nothing`, async (t) => {
    const collector = await Collector.open(t);
    const refused = typeof section === 'object' && trackedBy(collector, section);
    const { stage, said, isWritten } = await open(t, { section: refused });
    await stage.clock.advance(10 * PERIOD_MS);
    assert.deepEqual(said(), []);
    assert.equal(await isWritten(), false);
    assert.equal(collector.connections, 0);
  });
}

test('without its section it is not started, and one notice says that it is off and how to silence that', async (t) => {
  const { stage, said, isWritten } = await open(t, {});
  const [notice, ...others] = said();
  assert.deepEqual(others, []);
  assert.equal(notice?.level, 'info');
  assert.equal(notice?.event, 'system-report.off');
  assert.match(JSON.stringify(notice), /systemReport\\": false/);
  await stage.clock.advance(600_000);
  assert.equal(await isWritten(), false);
});

for (const withdrawn of [{ report: false }, { report: null }, undefined]) {
  test(`consent that is withdrawn while the server runs (${JSON.stringify(withdrawn)}) ends it at once, and given again it goes on`, async (t) => {
    const collector = await Collector.open(t);
    const { stage, reload, isWritten, file } = await open(t, { section: trackedBy(collector) });
    reload(withdrawn);
    await stage.clock.advance(10 * PERIOD_MS);
    assert.equal(await isWritten(), false);
    assert.equal(collector.connections, 0);
    reload(trackedBy(collector));
    await stage.clock.advance(INITIAL_MS);
    await report(file);
    await eventually('it has arrived', () => collector.received.length === 1);
  });
}

test('a store that keeps nothing leaves the installation with an id of this process', async (t) => {
  const collector = await Collector.open(t);
  const { stage } = await open(t, { section: trackedBy(collector) });
  t.mock.method(stage.table(CLIENT_ID), 'update', () => Promise.reject(new Error('no disk')));
  await stage.clock.advance(INITIAL_MS);
  await eventually('it has arrived', () => collector.received.length === 1);
  await stage.clock.advance(PERIOD_MS);
  await eventually('the next has arrived', () => collector.received.length === 2);
  const [first, second] = collector.received.map(({ body }) => body.client_id);
  assert.match(first ?? '', /^ephemeral-[0-9a-f]{8}-[0-9a-f]{4}-4/);
  assert.equal(second, first);
});

test('the client id is a random UUID, and the same after a restart', async (t) => {
  const collector = await Collector.open(t);
  const clock = new ManualClock();
  const store = openMemoryStore({ clock });
  for (const round of [1, 2]) {
    const { stage } = await open(t, { section: trackedBy(collector, { initialReportMs: 0 }), stage: { store, clock } });
    await clock.advance(1);
    await eventually('it has arrived', () => collector.received.length === round);
    await stage.close();
  }
  const [first, second] = collector.received.map(({ body }) => body.client_id);
  assert.match(first ?? '', /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  assert.equal(second, first);
});

for (const [what, section, expected] of [
  ['an id without a secret', { trackingId: { id: 'G-VERONA' } }, /trackingId/],
  ['a secret without an id', { trackingId: { secret: 'secret' } }, /trackingId/],
  ['an empty id', { trackingId: { id: '', secret: 'secret' } }, /trackingId/],
  ['a negative time', { initialReportMs: -1 }, /initialReportMs/],
  ['a period of nothing', { periodicReportMs: 0 }, /periodicReportMs/],
  ['a URL without encryption', { googleAnalyticsUrl: 'http://collector.example/' }, /googleAnalyticsUrl/],
  ['a URL with a query', { googleAnalyticsUrl: 'https://collector.example/?a=b' }, /googleAnalyticsUrl/],
  ['the option of old that refused', { no_report: true }, /no_report/],
] as const) {
  test(`${what} is an error of the configuration`, async (t) => {
    await assert.rejects(open(t, { section }), expected);
  });
}
