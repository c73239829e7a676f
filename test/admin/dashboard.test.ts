import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import { openLevelStore } from '../../src/store/level.ts';
import { PASSWORD } from '../support/live-server.ts';
import { RawClient } from '../support/raw-client.ts';
import { makePlace, type Place, parley, ServerProcess } from './running.ts';

const HOSTS = ['localhost', 'verona.test'];
const LOCAL = [{ address: '127.0.0.1', port: 0 }];
const DAY_MS = 86_400_000;

type Facts = { readonly [name: string]: unknown };

/** Puts down what servers of both hosts would have counted. */
async function fillHistory({ dataDir }: Place): Promise<void> {
  const store = await openLevelStore(join(dataDir, 'store'));
  const parse = (json: unknown): unknown => json;
  const days = store.table({ name: 'usage.days', parse });
  const visitors = store.table({ name: 'visitors', parse });
  for (const [i, host] of HOSTS.entries()) {
    for (let age = 3; age >= 1; age--) {
      const at = Date.now() - age * DAY_MS;
      const counts = { activeDay: 10 + age + i, activeWeek: 20 + age + i, activeMonth: 30 + age + i };
      const record = { countedAt: at, ...counts, visitors: 40 + i, peakUsers: 5, peakSessions: 6 + age };
      await days.put([host, new Date(at).toISOString().slice(0, 10)], record);
    }
    const counts = {
      'geo-DE-HE-2925533': 12 + i,
      'geo-FR-?-?': 7,
      'geo-?-?-?': 2,
      'client-Gajim': 17 + i,
      'client-?': 4,
    };
    for (const [name, count] of Object.entries(counts)) await visitors.put([host, '2026-01', name], count);
  }
  await store.close();
}

test('the dashboard shows the numbers that the command line does', async (t) => {
  const place = await makePlace(t, {
    hosts: { localhost: {}, 'verona.test': {} },
    listen: { c2s: [], c2sTls: LOCAL, http: LOCAL, https: [] },
    features: { monthlyVisitors: { minCell: 5 } },
  });
  await fillHistory(place);
  const server = await ServerProcess.start(t, place);
  const output = server.output.join('');
  const password = /^ {2}Password\s+(\S+)$/m.exec(output)?.[1] ?? assert.fail(output);
  const [c2sTls, http] = [...output.matchAll(/127\.0\.0\.1:(\d+) \(/g)].map(([, port]) => Number(port));
  const reachable = { port: () => c2sTls ?? 0, beforeEnd: (leave: () => Promise<void> | void) => t.after(leave) };
  assert.equal((await parley(place, ['user', 'add', 'romeo@localhost'], `${PASSWORD}\n`)).code, 0);
  await RawClient.logIn(reachable, 'romeo');

  const base = `http://localhost:${http}/dashboard`;
  const login = await fetch(`${base}/login`, {
    method: 'POST',
    body: new URLSearchParams({ action: 'login', username: 'admin', password }),
    redirect: 'manual',
  });
  assert.equal(login.status, 303, await login.text());
  const cookie = login.headers.get('set-cookie')?.split(';')[0] ?? '';
  const shown = async (host: string): Promise<Facts> => {
    const answer = await fetch(`${base}/figures?host=${host}`, { headers: { cookie } });
    assert.equal(answer.status, 200);
    return JSON.parse(await answer.text());
  };
  const told = async (...args: readonly string[]): Promise<readonly Facts[]> => {
    const { code, stdout, stderr } = await parley(place, [...args, '--json']);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout).hosts;
  };

  for (const host of HOSTS) {
    const before = await shown(host);
    const [facts = {}] = await told('metrics', 'show', '--host', host, '--days', '730');
    // Users are counted a quarter of a minute after the start, which may be between the two.
    const active = withoutTime(facts['active']);
    const figures = isDeepStrictEqual(before['active'], active) ? before : await shown(host);
    assert.deepEqual(figures['online'], facts['online']);
    assert.deepEqual(figures['active'], active);
    assert.deepEqual(
      figures['days'],
      listOf(facts['days']).map(({ day, active, visitors, peak }) => {
        return {
          day,
          active: withoutTime(active),
          visitors,
          peakSessions: (peak as Facts | null)?.['sessions'] ?? null,
        };
      }),
    );
    const months = listOf(figures['months']);
    assert.equal(months.length, 2);
    for (const { month, total, countries, clients } of months) {
      const [visitors = {}] = await told('metrics', 'visitors', '--host', host, '--month', String(month));
      const { places: _, host: __, ...rest } = visitors;
      assert.deepEqual({ month, total, countries, clients }, rest);
    }
  }
  const all = await shown('');
  assert.deepEqual(all['hosts'], HOSTS);
  assert.deepEqual(all['online'], { users: 1, sessions: 1 });
  const january = listOf(all['months']).find(({ month }) => month === '2026-01');
  const countries = listOf(january?.['countries']);
  assert.deepEqual(countries[0], { name: 'DE', count: 25 });
  assert.equal(countries.at(-1)?.['name'], '(others)');
  assert.equal(
    countries.reduce((sum, { count }) => sum + Number(count), 0),
    43,
  );
  const days = listOf(all['days']);
  assert.deepEqual(days[0]?.['active'], { day: 27, week: 47, month: 67 });
  assert.deepEqual([days.length, days[0]?.['visitors'], days[0]?.['peakSessions']], [4, 81, 18]);
  assert.equal(await server.end('SIGTERM'), 0);
});

test('whoever looks does not hold up the stop of the server', async (t) => {
  const place = await makePlace(t, { limits: { timeouts: { closeMs: 20_000 } } });
  const server = await ServerProcess.start(t, place);
  const output = server.output.join('');
  const password = /^ {2}Password\s+(\S+)$/m.exec(output)?.[1] ?? '';
  const port =
    /127\.0\.0\.1:(\d+) \([^)]*(?:HTTP|http)/.exec(output)?.[1] ?? /.*127\.0\.0\.1:(\d+) \(/s.exec(output)?.[1];
  const base = `http://localhost:${port}/dashboard`;
  const body = new URLSearchParams({ action: 'login', username: 'admin', password });
  const login = await fetch(`${base}/login`, { method: 'POST', body, redirect: 'manual' });
  const cookie = login.headers.get('set-cookie')?.split(';')[0] ?? '';
  const events = await fetch(`${base}/events`, { headers: { cookie } });
  const reader = events.body?.getReader() ?? assert.fail('no stream');
  await reader.read();
  const began = performance.now();
  assert.equal(await server.end('SIGTERM'), 0);
  assert.ok(performance.now() - began < 10_000);
  await assert.rejects(async () => {
    while (!(await reader.read()).done);
    throw new Error('it ended');
  });
});

function withoutTime(active: unknown): unknown {
  if (active === null) return null;
  const { at: _, ...counts } = active as Facts;
  return counts;
}

function listOf(value: unknown): readonly Facts[] {
  assert.ok(Array.isArray(value));
  return value;
}
