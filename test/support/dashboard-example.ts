import type { Page } from 'playwright-core';
import {
  type Day,
  type Figures,
  LIVE_FIGURES,
  type LiveFigure,
  type LiveSample,
  type MonthOfVisitors,
} from '../../src/features/dashboard/wire.ts';

const DAY_MS = 86_400_000;
/** A time at which the example always is, so that its pictures are always the same. */
export const NOW = Date.UTC(2026, 2, 18, 14, 30);

/** Gives the page the figures of a made-up server of some hundred people. */
export async function showExample(page: Page): Promise<void> {
  await page.clock.setFixedTime(NOW);
  await page.route('**/dashboard/figures*', (route) => route.fulfill({ json: exampleFigures() }));
  const samples = Array.from({ length: 360 }, (_, i) => sample(i, NOW - (360 - i) * 10_000));
  const values: Partial<Record<LiveFigure, (number | null)[]>> = {};
  for (const figure of LIVE_FIGURES) values[figure] = samples.map((one) => one.values[figure]);
  const recent = { at: samples.map(({ at }) => at), values };
  const events = { recent, sample: sample(360, NOW) };
  // In the place of a connection, which would have to stay open.
  await page.addInitScript(`window.EventSource = class {
    static CLOSED = 2;
    readyState = 1;
    addEventListener(name, run) {
      const data = ${JSON.stringify(events)}[name];
      if (data !== undefined) setTimeout(() => run({ data: JSON.stringify(data) }));
    }
    close() {}
  }`);
}

/** Something that goes up and down between 0 and 1, as nature does, and always in the same way. */
function wave(i: number, period: number): number {
  const turn = (2 * Math.PI * i) / period;
  const jitter = Math.abs(Math.sin(i * 12.9898 + period * 78.233) * 43758.5453) % 1;
  return 0.4 + 0.22 * Math.sin(turn) + 0.14 * Math.sin(turn * 2.7 + 1) + 0.24 * jitter;
}

function sample(i: number, at: number): LiveSample {
  const sessions = Math.round(226 + 40 * wave(i, 700));
  const messages = 6 + 14 * wave(i, 310);
  return {
    at,
    values: {
      connections: sessions + Math.round(12 * wave(i, 230)),
      sessions,
      messages,
      stanzas: messages * 2.6 + 14 * wave(i, 190),
      handlingMedian: 0.00011 + 0.00005 * wave(i, 260),
      handlingHigh: 0.0005 + 0.0012 * wave(i, 170),
      loopDelay: 0.0008 + 0.0014 * wave(i, 410),
      memory: 184e6 + 9e6 * wave(i, 240),
      heap: 61e6 + 14e6 * ((i % 45) / 45),
      cpu: 0.012 + 0.06 * wave(i, 310),
      storeCommit: 0.0009 + 0.0014 * wave(i, 220),
      storeRead: 0.00006 + 0.00005 * wave(i, 150),
      archiveBytes: 3.1e9 + i * 2e5,
      uploadBytes: 18.4e9 + i * 1e6,
    },
  };
}

/** What has been kept of that server. */
export function exampleFigures(): Figures {
  const days = Array.from({ length: 400 }, (_, i) => day(i, NOW - (399 - i) * DAY_MS));
  const months = ['2026-03', '2026-02', '2026-01'].map(month);
  return {
    at: NOW,
    host: null,
    hosts: ['example.org'],
    version: '1.0.0',
    online: { users: 214, sessions: 251 },
    active: days.at(-1)?.active ?? null,
    days,
    months,
  };
}

function day(i: number, at: number): Day {
  const weekday = new Date(at).getUTCDay();
  const month = Math.round(180 + i * 0.55 + 14 * wave(i, 120));
  const week = Math.round(month * (0.72 + 0.05 * wave(i, 60)));
  const within = Math.round(week * (weekday === 0 || weekday === 6 ? 0.56 : 0.74) + 8 * wave(i, 11));
  return {
    day: new Date(at).toISOString().slice(0, 10),
    // The server was down.
    active: i > 340 && i < 344 ? null : { day: within, week, month },
    visitors: month,
    peakSessions: Math.round(within * 1.3),
  };
}

function month(name: string, age: number): MonthOfVisitors {
  const countries = { DE: 171, FR: 64, AT: 41, CH: 29, NL: 22, PL: 18, '?': 16, US: 12, BR: 9, IN: 7, '(others)': 14 };
  const clients = { Conversations: 138, Gajim: 72, Dino: 61, Monal: 54, Siskin: 31, '?': 29, Web: 18 };
  const groups = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts).map(([group, count]) => ({ name: group, count: Math.round(count * (1 - age * 0.06)) }));
  return { month: name, total: 403 - 24 * age, countries: groups(countries), clients: groups(clients) };
}
