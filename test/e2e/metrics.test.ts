import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { test } from 'node:test';
import { DOMAIN, LiveServer } from '../support/live-server.ts';
import { XmppClient } from '../support/xmpp-client.ts';

/** The metrics of a server, as text. */
async function metricsOf(server: LiveServer): Promise<string> {
  const answer = await fetch(`http://127.0.0.1:${server.port('http')}/metrics`);
  assert.equal(answer.status, 200);
  return answer.text();
}

function value(text: string, name: string): number {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${name} `));
  assert.ok(line, `no ${name} in the metrics`);
  return Number(line.slice(name.length + 1));
}

test('the metrics of a server with two hosts tell what its clients do, and name nobody', async (t) => {
  const server = await LiveServer.start(t, { hosts: { 'verona.test': {} } });
  await server.addUsers('romeo', 'juliet');
  await XmppClient.online(server, 'romeo');
  await XmppClient.online(server, 'juliet', { over: 'wss' });
  const text = await metricsOf(server);
  assert.equal(value(text, `parley_sessions{host="${DOMAIN}",state="connected"}`), 2);
  assert.equal(value(text, 'parley_sessions{host="verona.test",state="connected"}'), 0);
  assert.equal(value(text, 'parley_connections_accepted_total{transport="websocket"}'), 1);
  assert.equal(value(text, 'parley_connections{transport="tcp",encrypted="yes",stage="bound"}'), 1);
  assert.ok(value(text, `parley_stanzas_total{host="${DOMAIN}",kind="presence",direction="in"}`) >= 2);
  assert.ok(value(text, 'parley_bytes_total{direction="in"}') > 500);
  assert.match(
    text,
    new RegExp(`^parley_logins_total\\{host="${DOMAIN}",method="[a-z]+",outcome="succeeded"\\} [12]$`, 'm'),
  );
  assert.ok(value(text, 'parley_store_commit_seconds_count') > 0);
  assert.ok(value(text, 'parley_memory_allocated_bytes') > 1_000_000);
  assert.doesNotMatch(text, /romeo|juliet|127\.0\.0\.1/);
  assert.equal(value(await metricsOf(server), 'parley_http_requests_total{route="/metrics",status="2xx"}'), 1);
});

test('the names are those of the reference where the operator asks for them', async (t) => {
  const server = await LiveServer.start(t, { metrics: { naming: 'prosody', memoryInfoInterval: 0 } });
  const text = await metricsOf(server);
  assert.ok(value(text, 'prosody_mod_statistics__memory_used') > 1_000_000);
  assert.equal(value(text, `prosody_mod_statistics__total_users{host="${DOMAIN}"}`), 0);
  assert.equal(server.server.metrics.memory.intervalMs, 0);
  await server.reload({ metrics: { memoryInfoInterval: -5 } });
  assert.equal(server.server.metrics.memory.intervalMs, 60_000);
});

test('live statistics tell of the sessions of all hosts', async (t) => {
  const server = await LiveServer.start(t, {
    hosts: { 'verona.test': {} },
    features: { liveStatistics: { port: 0 } },
  });
  await server.addUsers('romeo');
  const { port } = await server.logged('statistics.listening');
  const socket = createConnection({ host: '127.0.0.1', port: Number(port) });
  t.after(() => socket.destroy());
  let heard = '';
  socket.on('data', (chunk) => {
    heard += chunk.toString();
  });
  const hears = async (pattern: RegExp): Promise<void> => {
    while (!pattern.test(heard)) await once(socket, 'data');
  };
  await hears(/^STAT "total_c2s" \(0\)\n(?:.*\n)*\n/m);
  await XmppClient.online(server, 'romeo');
  await hears(
    new RegExp(`^SESS "0" "romeo@${DOMAIN}/[^"]+" \\{message_in=0,.*bytes_in=[1-9]\\d*,bytes_out=[1-9]\\d*;\\}$`, 'm'),
  );
  await hears(/^STAT "cpu" \(\d+\)$/m);
});
