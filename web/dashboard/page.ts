// The dashboard's page: what it shows comes from `figures`, asked for now and then, and from `events`, as it happens.
import { type Figures, LIVE_FIGURES, type LiveFigure, type RecentSamples } from '../../src/features/dashboard/wire.ts';
import { Chart } from './chart.ts';
import { byId, el } from './dom.ts';
import { type ConnectionState, Events } from './events.ts';
import {
  clockTime,
  clockTimeExactly,
  count,
  countryName,
  duration,
  type Format,
  longDay,
  monthName,
  percent,
  rate,
  shortDay,
  size,
} from './formats.ts';
import { Groups } from './groups.ts';
import { activeColumns } from './history.ts';
import { texts as t } from './texts.ts';
import { Tile } from './tiles.ts';

const FIGURES_EVERY_MS = 300_000;
const RETRY_MS = 15_000;
/** Active users are counted for the first time soon after the server has started. */
const FIRST_COUNT_MS = 20_000;
const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const KEPT_MS = 3_600_000;
const MAX_SAMPLES = 2000;
const RANGES = [30, 90, 365, 730];

/** What is shown of a sample. */
interface Shown {
  readonly at: number;
  readonly values: Readonly<Partial<Record<LiveFigure, number | null>>>;
}

/** A chart of the last hour. */
interface LiveChart {
  readonly figures: readonly LiveFigure[];
  readonly chart: Chart;
}

const tiles = {
  sessions: new Tile(t.online),
  active: new Tile(t.activeDay),
  visitors: new Tile(t.visitors),
  messages: new Tile(t.messages),
  handling: new Tile(t.handling),
  loopDelay: new Tile(t.loopDelay),
  memory: new Tile(t.memory),
  cpu: new Tile(t.cpu),
};

const activeChart = new Chart({
  title: t.activeUsers,
  lines: [
    { label: t.within30, colour: 'one' },
    { label: t.within7, colour: 'two' },
    { label: t.within1, colour: 'three' },
  ],
  format: count,
  axisTime: shortDay,
  exactTime: longDay,
  timeHeading: t.day,
  timeSteps: [1, 2, 7, 14, 30, 61, 91, 182, 365].map((days) => days * DAY_MS),
  leastSpan: 6 * DAY_MS,
  height: 260,
  isWhole: true,
});

const liveCharts: readonly LiveChart[] = [
  liveChart(`${t.online} · ${t.connections}`, count, [t.online, 'sessions'], [t.connections, 'connections']),
  liveChart(`${t.messages} · ${t.stanzas}`, rate, [t.messages, 'messages'], [t.stanzas, 'stanzas']),
  liveChart(t.handling, duration, [t.high, 'handlingHigh'], [t.median, 'handlingMedian']),
  liveChart(t.loopDelay, duration, [t.high, 'loopDelay']),
  liveChart(t.store, duration, [t.commit, 'storeCommit'], [t.read, 'storeRead']),
  liveChart(t.cpuOfOneCore, percent, [t.cpu, 'cpu']),
  liveChart(t.memory, size, [t.memory, 'memory'], [t.heap, 'heap']),
  liveChart(t.kept, size, [t.uploads, 'uploadBytes'], [t.archive, 'archiveBytes']),
];

const byCountry = new Groups({ title: t.countries, heading: t.country, nameOf: countryName });
const byClient = new Groups({ title: t.clients, heading: t.client, nameOf: (name) => name });
const monthChoice = el('select', { id: 'month' });
const hostChoice = el('select', { id: 'host' });
const hostField = el('label', { for: 'host' }, el('span', {}, t.host), hostChoice);
const state = el('p', { class: 'state', role: 'status' });
const problem = el('p', { class: 'problem', role: 'alert' });

let figures: Figures | undefined;
let shownDays = 90;
let samples: readonly Shown[] = [];
let figuresRetry: number | undefined;
let eventsRetry: number | undefined;

const events = new Events({
  onState: showState,
  onRecent(recent) {
    samples = rowsOf(recent);
    showSamples();
  },
  onSample(sample) {
    const since = sample.at - KEPT_MS;
    samples = [...samples.filter(({ at }) => at >= since && at < sample.at), sample].slice(-MAX_SAMPLES);
    showSamples();
  },
});

function liveChart(title: string, format: Format, ...lines: readonly (readonly [string, LiveFigure])[]): LiveChart {
  const colours = ['one', 'two', 'three'] as const;
  const chart = new Chart({
    title,
    lines: lines.map(([label], i) => ({ label, colour: colours[i] ?? 'one' })),
    format,
    axisTime: clockTime,
    exactTime: clockTimeExactly,
    timeHeading: t.time,
    timeSteps: [1, 2, 5, 10, 15, 20, 30].map((minutes) => minutes * MINUTE_MS),
    leastSpan: 5 * MINUTE_MS,
    height: 150,
    isWhole: format === count || format === size,
  });
  return { figures: lines.map(([, figure]) => figure), chart };
}

function rowsOf({ at, values }: RecentSamples): Shown[] {
  return at.map((time, i) => {
    const row: Partial<Record<LiveFigure, number | null>> = {};
    for (const name of LIVE_FIGURES) row[name] = values[name]?.[i] ?? null;
    return { at: time, values: row };
  });
}

function showSamples(): void {
  const at = samples.map((sample) => sample.at);
  for (const { chart, figures: names } of liveCharts) {
    const columns = names.map((name) => samples.map(({ values }) => values[name] ?? null));
    chart.element.hidden = columns.every((column) => column.every((value) => value === null));
    if (!chart.element.hidden) chart.show({ at, columns });
  }
  showLiveTiles();
}

/** The newest value of a figure that is known; of those that are measured only now and then, an older one. */
function latest(figure: LiveFigure): number | undefined {
  return samples.findLast(({ values }) => typeof values[figure] === 'number')?.values[figure] ?? undefined;
}

function showLiveTiles(): void {
  const write = (figure: LiveFigure, format: Format): string => {
    const value = latest(figure);
    return value === undefined ? '–' : format(value);
  };
  /** A line below a number, unless there is nothing to say yet. */
  const below = (figure: LiveFigure, format: Format, say: (written: string) => string): string | undefined =>
    latest(figure) === undefined ? undefined : say(write(figure, format));
  tiles.sessions.show({
    value: write('sessions', count),
    below: below('connections', count, t.ofConnections),
  });
  tiles.messages.show({ value: write('messages', rate), below: below('stanzas', rate, t.ofStanzas) });
  tiles.handling.show({ value: write('handlingHigh', duration), below: below('handlingMedian', duration, t.ofMedian) });
  tiles.memory.show({ value: write('memory', size), below: below('heap', size, t.ofHeap) });
  tiles.cpu.show({ value: write('cpu', percent), below: below('cpu', percent, () => t.ofOneCore) });
  tiles.loopDelay.show({ value: write('loopDelay', duration), below: below('loopDelay', duration, () => t.high99) });
}

function showFigures(): void {
  if (figures === undefined) return;
  const { active, days, months, hosts } = figures;
  tiles.active.show({
    value: active === null ? '–' : count(active.day),
    below:
      active === null
        ? t.notCounted
        : unbroken(`${count(active.week)} ${t.activeWeek} ·`, `${count(active.month)} ${t.activeMonth}`),
  });
  const newest = months[0];
  if (newest !== undefined) {
    tiles.visitors.show({
      label: t.visitorsOf(monthName(newest.month)),
      value: count(newest.total),
      below: t.eachOnce,
    });
  }
  activeChart.show(activeColumns(days, shownDays));
  fill(
    monthChoice,
    months.map(({ month }) => [month, monthName(month)]),
  );
  fill(hostChoice, [['', t.allHosts], ...hosts.map((host) => [host, host] as const)]);
  hostField.hidden = hosts.length < 2;
  showMonth();
}

/** Texts that a line may end between, but not within. */
function unbroken(...texts: readonly string[]): string {
  return texts.map((text) => text.replaceAll(' ', '\u00a0')).join(' ');
}

function showMonth(): void {
  const month = figures?.months.find((one) => one.month === monthChoice.value) ?? figures?.months[0];
  byCountry.show(month?.countries ?? []);
  byClient.show(month?.clients ?? []);
}

/** Gives a field its choices; what was chosen stays so. */
function fill(choice: HTMLSelectElement, options: readonly (readonly [value: string, label: string])[]): void {
  const chosen = choice.value;
  choice.replaceChildren(...options.map(([value, label]) => el('option', { value }, label)));
  choice.value = options.some(([value]) => value === chosen) ? chosen : (options[0]?.[0] ?? '');
}

/** Asks for what changes slowly; resolves with whether that went well. Who may not look any more is asked to log in. */
async function loadFigures(): Promise<boolean> {
  const host = hostChoice.value;
  clearTimeout(figuresRetry);
  try {
    const answer = await fetch(`dashboard/figures?host=${encodeURIComponent(host)}`, { cache: 'no-store' });
    if (answer.status === 401 || answer.status === 403) location.reload();
    if (!answer.ok) throw new Error(`status ${answer.status}`);
    const loaded: Figures = await answer.json();
    if (host !== hostChoice.value) return true;
    figures = loaded;
    problem.textContent = '';
    showFigures();
    if (figures.active === null) figuresRetry = setTimeout(refreshFigures, FIRST_COUNT_MS);
    return true;
  } catch {
    problem.textContent = t.failed;
    clearTimeout(figuresRetry);
    figuresRetry = setTimeout(loadFigures, RETRY_MS);
    return false;
  }
}

/** Asks again, unless nobody looks. */
function refreshFigures(): void {
  if (document.visibilityState === 'visible') void loadFigures();
}

function showState(now: ConnectionState): void {
  clearTimeout(eventsRetry);
  say(now, { connecting: t.connecting, live: t.live, lost: t.lost, ended: t.lost }[now]);
  if (now === 'ended') void explainEnd();
}

/** The server does not want to tell: it is over, or too many look. */
async function explainEnd(): Promise<void> {
  eventsRetry = setTimeout(() => events.listen(hostChoice.value), RETRY_MS);
  if ((await loadFigures()) && state.classList.contains('ended')) say('ended', t.full);
}

function say(now: ConnectionState, text: string): void {
  if (state.textContent !== text) state.textContent = text;
  state.className = `state ${now}`;
}

function rangeChoice(): HTMLElement {
  const choices = RANGES.map((days) => {
    const label = days < 365 ? t.days(days) : t.years(Math.round(days / 365));
    const input = el('input', { type: 'radio', name: 'range', value: String(days) });
    input.checked = days === shownDays;
    input.addEventListener('change', () => {
      shownDays = days;
      showFigures();
    });
    return el('label', {}, input, el('span', {}, label));
  });
  return el('fieldset', { class: 'range' }, el('legend', { class: 'visually-hidden' }, t.range), ...choices);
}

function layOut(): void {
  byId('controls').append(state, hostField);
  byId('dashboard').append(
    problem,
    el('dl', { class: 'tiles' }, ...Object.values(tiles).map(({ element }) => element)),
    el(
      'section',
      { 'aria-labelledby': 'people' },
      el('div', { class: 'heading' }, el('h2', { id: 'people' }, t.people), rangeChoice()),
      activeChart.element,
      el(
        'div',
        { class: 'heading' },
        el('h2', {}, t.visitors),
        el('label', { for: 'month' }, el('span', {}, t.month), monthChoice),
      ),
      el('div', { class: 'pair even' }, byCountry.element, byClient.element),
    ),
    el(
      'section',
      { 'aria-labelledby': 'hour' },
      el('div', { class: 'heading' }, el('h2', { id: 'hour' }, t.hour), el('p', { class: 'quiet' }, t.hourIntro)),
      el('div', { class: 'pair' }, ...liveCharts.map(({ chart }) => chart.element)),
    ),
  );
  monthChoice.addEventListener('change', showMonth);
  hostChoice.addEventListener('change', () => {
    samples = [];
    void loadFigures();
    events.listen(hostChoice.value);
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => {
    for (const chart of [activeChart, ...liveCharts.map(({ chart }) => chart)]) chart.redraw();
  });
}

layOut();
showLiveTiles();
void loadFigures();
setInterval(refreshFigures, FIGURES_EVERY_MS);
events.listen('');
