import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { Collector } from '../features/system-report/collector.ts';
import { DOMAIN, eventually, LiveServer } from '../support/live-server.ts';
import { XmppClient } from '../support/xmpp-client.ts';

test('a server with two hosts makes one report, which counts what clients have sent and names nobody', async (t) => {
  const collector = await Collector.open(t);
  const server = await LiveServer.start(t, {
    hosts: { 'verona.test': {} },
    features: {
      systemReport: {
        report: false,
        initialReportMs: 0,
        trackingId: { id: 'G-VERONA', secret: 'secret of the house' },
        googleAnalyticsUrl: collector.url,
        extended: true,
      },
    },
  });
  await server.addUsers('romeo');
  await XmppClient.online(server, 'romeo');
  assert.equal(collector.connections, 0);
  await server.reload({ features: { systemReport: { report: true } } });
  const file = join(server.dataDir, 'system_metrics_report.json');
  const events = await eventually('the report has arrived', () => {
    const sent = collector.received.flatMap(({ body }) => body.events);
    return sent.length > 0 && sent.length % 25 !== 0 && sent;
  });
  const text = await readFile(file, 'utf8');
  assert.deepEqual(JSON.parse(text), events);
  const sent = events.find(({ params }) => params['stanza_type'] === 'xmppPresenceSent');
  assert.deepEqual(sent?.params, { stanza_type: 'xmppPresenceSent', total: 1, increment: 1 });
  assert.deepEqual(events.find(({ name }) => name === 'host_count')?.params, { value: 2 });
  for (const word of [DOMAIN, 'verona.test', 'romeo', server.dataDir, 'secret', 'G-VERONA']) {
    assert.ok(!text.includes(word), `the report has ${word} in it`);
  }
});
