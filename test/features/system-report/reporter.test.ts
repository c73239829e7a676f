import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { createServer as createTlsServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Secret } from '../../../src/config/secret.ts';
import type { ReportEvent } from '../../../src/features/system-report/events.ts';
import { Reporter } from '../../../src/features/system-report/reporter.ts';
import { memoryLogger } from '../../../src/log/log.ts';
import { eventually } from '../../support/live-server.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { certificateFor } from '../../tls/fixtures.ts';
import { Collector } from './collector.ts';

const INITIAL_MS = 300_000;
const PERIOD_MS = 10_800_000;
const CLIENT_ID = '3f0c8a52-6f0e-4f6e-9a0e-5a2c7b1d9e44';

function numbered(count: number): ReportEvent[] {
  return Array.from({ length: count }, (_, index) => ({ name: 'count', params: { value: index } }));
}

async function open(t: TestContext, url: string, events: readonly ReportEvent[] = numbered(3)) {
  const folder = await mkdtemp(join(tmpdir(), 'parley-report-'));
  const clock = new ManualClock();
  const log = memoryLogger();
  const file = join(folder, 'system_metrics_report.json');
  const scene = { reports: 0 };
  const reporter = new Reporter(
    {
      report: true,
      initialReportMs: INITIAL_MS,
      periodicReportMs: PERIOD_MS,
      trackingId: { id: 'G-VERONA', secret: new Secret('Capulet & Montague') },
      googleAnalyticsUrl: url,
      extended: false,
    },
    {
      clock,
      log,
      file,
      collect: async () => {
        scene.reports++;
        return events;
      },
      clientId: async () => CLIENT_ID,
    },
  );
  t.after(async () => {
    await reporter.stop();
    await rm(folder, { recursive: true, force: true });
  });
  const written = async () => JSON.parse(await readFile(file, 'utf8'));
  const said = (event: string) => log.records.filter((record) => record.event === event);
  return { reporter, clock, log, file, scene, written, said };
}

test('sixty events arrive in order, as 25, 25 and 10, for the tracking id and from one client', async (t) => {
  const collector = await Collector.open(t);
  const { reporter, clock } = await open(t, collector.url, numbered(60));
  reporter.start();
  await clock.advance(INITIAL_MS);
  await eventually('everything has arrived', () => collector.received.length === 3);
  assert.deepEqual(
    collector.received.map(({ body }) => body.events.length),
    [25, 25, 10],
  );
  assert.deepEqual(
    collector.received.flatMap(({ body }) => body.events),
    numbered(60),
  );
  for (const { body, ...head } of collector.received) {
    assert.equal(body.client_id, CLIENT_ID);
    assert.deepEqual(head, {
      method: 'POST',
      path: '/mp/collect',
      apiSecret: 'Capulet & Montague',
      measurementId: 'G-VERONA',
      contentType: 'application/json',
    });
  }
});

test('the first report is made after the initial time and no sooner, the next ones a period apart', async (t) => {
  const collector = await Collector.open(t);
  const { reporter, clock, scene } = await open(t, collector.url);
  reporter.start();
  reporter.start();
  await clock.advance(INITIAL_MS - 1);
  assert.equal(scene.reports, 0);
  await clock.advance(1);
  assert.equal(scene.reports, 1);
  await eventually('the first has arrived', () => collector.received.length === 1);
  await clock.advance(PERIOD_MS - 1);
  assert.equal(scene.reports, 1);
  await clock.advance(1);
  await eventually('the second has arrived', () => collector.received.length === 2);
  await reporter.stop();
  await clock.advance(10 * PERIOD_MS);
  assert.equal(scene.reports, 2);
});

test('the file is readable for people, for the group too, and without the secret', async (t) => {
  const collector = await Collector.open(t);
  const { reporter, clock, file } = await open(t, collector.url);
  reporter.start();
  await clock.advance(INITIAL_MS);
  await eventually('it has arrived', () => collector.received.length === 1);
  const text = await readFile(file, 'utf8');
  assert.equal(text, `${JSON.stringify(numbered(3), undefined, 2)}\n`);
  assert.equal((await stat(file)).mode & 0o777, 0o640);
  assert.doesNotMatch(text, /Capulet|VERONA/);
});

test('a collector that fails, refuses or is not there is told at debug only, and the file is written', async (t) => {
  const collector = await Collector.open(t);
  collector.answer = (response) => response.writeHead(500).end('no');
  for (const url of [collector.url, 'http://127.0.0.1:1/mp/collect']) {
    const { reporter, clock, written, said, log } = await open(t, url);
    reporter.start();
    await clock.advance(INITIAL_MS);
    await eventually('the failure is logged', () => said('system-report.not-sent').length === 1);
    assert.deepEqual(await written(), numbered(3));
    assert.deepEqual(new Set(log.records.map(({ level }) => level)), new Set(['debug']));
    assert.doesNotMatch(JSON.stringify(log.records), /Capulet/);
  }
  assert.equal(collector.received.length, 1, 'there was a second attempt');
});

test('redirections are not followed', async (t) => {
  const [there, here] = [await Collector.open(t), await Collector.open(t)];
  here.answer = (response) => response.writeHead(307, { location: there.url }).end();
  const { reporter, clock, said } = await open(t, here.url);
  reporter.start();
  await clock.advance(INITIAL_MS);
  await eventually('the failure is logged', () => said('system-report.not-sent').length === 1);
  assert.equal(there.connections, 0);
});

test('a request that hangs is given up after ten seconds, and the next part is sent', async (t) => {
  const collector = await Collector.open(t);
  collector.answer = () => {};
  const { reporter, clock, written, said } = await open(t, collector.url, numbered(26));
  reporter.start();
  await clock.advance(INITIAL_MS);
  await eventually('the first part has arrived', () => collector.received.length === 1);
  assert.deepEqual(await written(), numbered(26));
  await clock.advance(9_999);
  assert.equal(said('system-report.not-sent').length, 0);
  await clock.advance(1);
  await eventually('the failure is logged', () => said('system-report.not-sent').length === 1);
  await eventually('the second part has arrived', () => collector.received.length === 2);
});

test('a report that is still being sent when the next is due is abandoned', async (t) => {
  const collector = await Collector.open(t);
  collector.answer = () => {};
  const { reporter, clock, scene, said } = await open(t, collector.url, numbered(75));
  reporter.configure({
    report: true,
    initialReportMs: INITIAL_MS,
    periodicReportMs: 5000,
    trackingId: { id: 'G-VERONA', secret: new Secret('secret') },
    googleAnalyticsUrl: collector.url,
    extended: false,
  });
  reporter.start();
  await clock.advance(INITIAL_MS);
  await eventually('the first part of the first has arrived', () => collector.received.length === 1);
  await clock.advance(5000);
  await eventually('the first part of the second has arrived', () => collector.received.length === 2);
  assert.equal(scene.reports, 2);
  assert.deepEqual(collector.received[1]?.body.events, numbered(25));
  assert.equal(said('system-report.not-sent').length, 0);
});

test('without a tracking id the file is written and no connection made', async (t) => {
  const collector = await Collector.open(t);
  const { reporter, clock, file, written } = await open(t, collector.url);
  reporter.configure({
    report: true,
    initialReportMs: INITIAL_MS,
    periodicReportMs: PERIOD_MS,
    trackingId: undefined,
    googleAnalyticsUrl: collector.url,
    extended: false,
  });
  reporter.start();
  await clock.advance(INITIAL_MS);
  await reporter.stop();
  assert.deepEqual(await written(), numbered(3));
  await rm(file);
  assert.equal(collector.connections, 0);
});

test('what cannot be written down is not sent', async (t) => {
  const collector = await Collector.open(t);
  const { reporter, clock, file, said } = await open(t, collector.url);
  await rm(join(file, '..'), { recursive: true });
  reporter.start();
  await clock.advance(INITIAL_MS);
  await eventually('the failure is logged', () => said('system-report.failed').length === 1);
  assert.equal(collector.connections, 0);
});

test('a certificate that nobody vouches for is not believed', async (t) => {
  const { certificate: cert, key } = await certificateFor('localhost');
  let requests = 0;
  const server = createTlsServer({ cert, key }, () => requests++);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const { reporter, clock, said, written } = await open(t, `https://localhost:${port}/mp/collect`);
  reporter.start();
  await clock.advance(INITIAL_MS);
  await eventually('the failure is logged', () => said('system-report.not-sent').length === 1);
  assert.equal(requests, 0);
  assert.deepEqual(await written(), numbered(3));
});
