import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { activeUsersCounted } from '../../src/features/active-users/api.ts';
import { DOMAIN, LiveServer } from '../support/live-server.ts';
import { projectFile } from '../support/project.ts';
import { noPrometheus, promtool } from '../support/prometheus.ts';
import { RosterBackend } from '../support/roster-backend.ts';
import { XmppClient } from '../support/xmpp-client.ts';

const skip = noPrometheus;
const DASHBOARD = projectFile('examples/grafana/parley.json');
const ALERTS = projectFile('examples/grafana/alerts.yml');
/** How long it may take until the delay of the event loop is known. */
const EVENT_LOOP_MS = 20_000;

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string }[];
}

function panels(): readonly Panel[] {
  return JSON.parse(readFileSync(DASHBOARD, 'utf8')).panels;
}

function metricsIn(file: string): ReadonlySet<string> {
  return new Set(readFileSync(file, 'utf8').match(/\bparley_[a-z0-9_]+/g));
}

test('the server has every metric that the dashboard shows or an alert watches', async (t) => {
  const backend = await RosterBackend.start(t);
  backend.contacts.set('romeo', {});
  const delegatedRoster = { url: backend.url };
  const server = await LiveServer.start(t, { features: { roster: false, delegatedRoster } });
  await server.addUsers('romeo');
  await XmppClient.online(server, 'romeo');
  const host = server.server.hosts.get(DOMAIN);
  // As they are counted a while after the start.
  host?.topics.announce(activeUsersCounted, { at: 0, day: 1, week: 2, month: 3 });
  const scrape = async (): Promise<string> => {
    const response = await fetch(`http://127.0.0.1:${server.port('http')}/metrics`);
    assert.equal(response.status, 200);
    return response.text();
  };
  // The delay of the event loop is that of some seconds between two requests.
  let text = await scrape();
  const until = performance.now() + EVENT_LOOP_MS;
  while (!text.includes('parley_event_loop_delay_seconds') && performance.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 500));
    text = await scrape();
  }
  const families = [...text.matchAll(/^# TYPE (\S+)/gm)].map(([, name]) => name);
  const samples = [...text.matchAll(/^(parley_[a-z0-9_]+)[ {]/gm)].map(([, name]) => name);
  const known = new Set([...families, ...samples]);
  for (const file of [DASHBOARD, ALERTS]) {
    const missing = [...metricsIn(file)].filter((name) => !known.has(name));
    assert.deepEqual(missing, [], `${file} has metrics that the server has not`);
  }
});

test('the panels of the dashboard have numbers of their own and do not overlap', () => {
  const all = panels();
  assert.equal(new Set(all.map(({ id }) => id)).size, all.length);
  for (const [index, { gridPos: a, title }] of all.entries()) {
    assert.ok(a.x + a.w <= 24, title);
    for (const { gridPos: b } of all.slice(index + 1)) {
      const isApart = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
      assert.ok(isApart, title);
    }
  }
});

/** A file of rules or of tests of rules, which are YAML: JSON is that, too. */
async function written(t: TestContext, content: object): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'parley-rules-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'rules.yml');
  await writeFile(file, JSON.stringify(content));
  return file;
}

test('promtool finds nothing wrong with the alert rules and the expressions of the dashboard', { skip }, async (t) => {
  assert.match(promtool('check', 'rules', ALERTS), /12 rules found/);
  const expressions = panels().flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
  assert.ok(expressions.length > 30);
  // What Grafana puts in the place of its own variable.
  const rules = expressions.map((expr, index) => ({
    record: `panel:${index}`,
    expr: expr.replaceAll('$__rate_interval', '1m'),
  }));
  promtool('check', 'rules', await written(t, { groups: [{ name: 'panels', rules }] }));
});

test('alerts fire when a server is gone, cannot write or has lost its application, and not before', {
  skip,
}, async (t) => {
  const input = [
    { series: 'up{job="parley",instance="verona:5280"}', values: '1 1 0x20' },
    { series: 'parley_roster_breaker_state{host="verona.test"}', values: '0 2x20' },
    { series: 'parley_store_commits_failed_total', values: '0x5 1x20' },
  ];
  const firing = (alert: string, at: string, count: number) => ({
    expr: `count(ALERTS{alertname="${alert}",alertstate="firing"})`,
    eval_time: at,
    exp_samples: count === 0 ? [] : [{ labels: '{}', value: count }],
  });
  const expected = [
    firing('ParleyDown', '3m', 0),
    firing('ParleyDown', '5m', 1),
    firing('ParleyRostersSuspended', '5m', 0),
    firing('ParleyRostersSuspended', '7m', 1),
    firing('ParleyCommitsFail', '4m', 0),
    firing('ParleyCommitsFail', '8m', 1),
  ];
  const tests = [{ interval: '1m', input_series: input, promql_expr_test: expected }];
  promtool('test', 'rules', await written(t, { rule_files: [ALERTS], evaluation_interval: '1m', tests }));
});
