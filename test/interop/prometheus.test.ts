import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { activeUsersCounted } from '../../src/features/active-users/api.ts';
import { DOMAIN, LiveServer } from '../support/live-server.ts';
import { projectFile } from '../support/project.ts';
import { noOpenMetricsReader, noPrometheus, Prometheus, readStrictly } from '../support/prometheus.ts';
import { RosterBackend } from '../support/roster-backend.ts';
import { XmppClient } from '../support/xmpp-client.ts';

const ALERTS = projectFile('examples/grafana/alerts.yml');
/** How long Prometheus may take to scrape the server and evaluate the rules, on a busy machine. */
const SCRAPED_MS = 30_000;

/** A server on which something of everything has happened: logins, messages, a contact list of an application, counts. */
async function open(t: TestContext, settings = {}) {
  const backend = await RosterBackend.start(t);
  backend.contacts.set('romeo', {});
  const features = { roster: false, delegatedRoster: { url: backend.url } };
  const server = await LiveServer.start(t, { hosts: { 'verona.test': {} }, features, ...settings });
  await server.addUsers('romeo');
  const romeo = await XmppClient.online(server, 'romeo');
  await romeo.chat('romeo@localhost', 'O, she doth teach the torches to burn bright!');
  await romeo.next((stanza) => stanza.name === 'message');
  // As they are counted a while after the start.
  const active = { at: Date.now(), day: 1, week: 2, month: 3 };
  server.server.hosts.get(DOMAIN)?.topics.announce(activeUsersCounted, active);
  return `127.0.0.1:${server.port('http')}`;
}

for (const naming of ['parley', 'prosody']) {
  test(`the strict reader of others accepts the metrics, named as ${naming} does`, {
    skip: noOpenMetricsReader,
  }, async (t) => {
    const target = await open(t, { metrics: { naming } });
    const response = await fetch(`http://${target}/metrics`);
    assert.match(response.headers.get('content-type') ?? '', /^application\/openmetrics-text; version=1\.0\.0/);
    const samples = readStrictly(await response.text());
    assert.ok(samples.length > 50);
    assert.ok(samples.every(({ name }) => name.startsWith(`${naming}_`)));
    const messages = samples.find(
      ({ name, labels }) =>
        name === `${naming}_stanzas_total` &&
        labels['host'] === 'localhost' &&
        labels['kind'] === 'message' &&
        labels['direction'] === 'in',
    );
    assert.equal(messages?.value, 1);
  });
}

test('Prometheus scrapes a server, answers queries for its values, and evaluates the alert rules', {
  skip: noPrometheus,
}, async (t) => {
  const target = await open(t);
  const prometheus = await Prometheus.start(t, target, ALERTS);
  const until = performance.now() + SCRAPED_MS;
  const value = async (expression: string): Promise<number> => {
    for (;;) {
      const found = await prometheus.query(expression);
      if (found !== undefined) return found;
      assert.ok(performance.now() < until, `waited in vain for ${expression}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  };
  assert.equal(await value('up{job="parley"} == 1'), 1);
  assert.equal(await value('parley_stanzas_total{host="localhost",kind="message",direction="in"}'), 1);
  assert.equal(await value('parley_sessions{host="localhost",state="connected"}'), 1);
  assert.equal(await value('sum(parley_logins_total{host="localhost",outcome="succeeded"})'), 1);
  assert.equal(await value('count(parley_build_info)'), 1);
  assert.equal(await value('parley_active_users_7d{host="localhost"}'), 2);
  assert.equal(await value('sum(parley_roster_fetch_seconds_count{host="localhost"})'), 1);
  assert.ok((await value('parley_store_commit_seconds_count')) >= 1);
  for (;;) {
    const alerts = await prometheus.alerts();
    assert.ok(alerts.size > 5);
    if ([...alerts.values()].every((health) => health === 'ok')) break;
    assert.ok(performance.now() < until, `rules that cannot be evaluated: ${JSON.stringify([...alerts])}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
});
