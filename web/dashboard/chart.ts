import uPlot from 'uplot';
import { el } from './dom.ts';
import type { Format } from './formats.ts';
import { texts } from './texts.ts';

/** A line of a chart. */
export interface Line {
  readonly label: string;
  /** The name of a colour of the style sheet. */
  readonly colour: 'one' | 'two' | 'three';
}

export interface ChartOptions {
  readonly title: string;
  readonly lines: readonly Line[];
  /** Writes values, and values at the axis where there is less room. */
  readonly format: Format;
  /** Writes times at the axis, and exactly. */
  readonly axisTime: Format;
  readonly exactTime: Format;
  readonly timeHeading: string;
  /** How far labels of the time axis are apart, the least first, and what is shown at least; in milliseconds. */
  readonly timeSteps: readonly number[];
  readonly leastSpan: number;
  readonly height: number;
  /** Whether there are no values between whole numbers. */
  readonly isWhole?: boolean;
}

/** Times in milliseconds since the Unix epoch, and a column of values for each line. */
export interface ChartData {
  readonly at: readonly number[];
  readonly columns: readonly (readonly (number | null)[])[];
}

const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif';
const MAX_ROWS = 60;
const WHOLE_STEPS = Array.from({ length: 16 }, (_, power) => [1, 2, 5].map((first) => first * 10 ** power)).flat();
const EMPTY: ChartData = { at: [], columns: [] };

/** A chart in a figure of its own: a legend with the newest values or those under the pointer, and the values as a table. */
export class Chart {
  readonly element: HTMLElement;
  readonly #options: ChartOptions;
  readonly #place: HTMLElement;
  readonly #values: readonly HTMLElement[];
  readonly #when: HTMLElement;
  readonly #rows: HTMLElement;
  readonly #table: HTMLDetailsElement;
  readonly #none = el('p', { class: 'none quiet' }, texts.none);
  #plot: uPlot | undefined;
  #data = EMPTY;

  constructor(options: ChartOptions) {
    this.#options = options;
    const { title, lines, height } = options;
    this.#place = el('div', { class: 'plot', 'aria-hidden': 'true' });
    this.#place.style.height = `${height}px`;
    this.#values = lines.map(() => el('b', {}, '–'));
    this.#when = el('span', { class: 'when' });
    this.#rows = el('tbody');
    const legend = el(
      'p',
      { class: 'legend' },
      ...lines.map(({ label, colour }, i) => el('span', { class: `key ${colour}` }, `${label} `, this.#values[i])),
      this.#when,
    );
    this.#table = this.#makeTable();
    this.element = el(
      'figure',
      { class: 'chart card', 'aria-label': title },
      el('h3', {}, title),
      legend,
      this.#none,
      this.#place,
      this.#table,
    );
    new ResizeObserver(() => this.#fit()).observe(this.#place);
  }

  /** Shows other values. */
  show(data: ChartData): void {
    this.#data = data;
    const isEmpty = data.columns.every((column) => column.every((value) => value === null));
    this.#none.hidden = !isEmpty;
    this.#place.hidden = isEmpty;
    this.#table.hidden = isEmpty;
    if (isEmpty) this.#tell();
    else this.#plotData();
  }

  #plotData(): void {
    if (this.#plot === undefined) this.#plot = this.#draw();
    else this.#plot.setData(this.#aligned());
    this.#tell();
    if (this.#table.open) this.#fillTable();
  }

  /** Draws anew, in the colours that hold now. */
  redraw(): void {
    if (this.#plot === undefined) return;
    this.#plot.destroy();
    this.#plot = this.#draw();
  }

  #aligned(): uPlot.AlignedData {
    const { at, columns } = this.#data;
    return [[...at], ...columns.map((column) => [...column])];
  }

  #draw(): uPlot {
    const { lines, format, axisTime, timeSteps, leastSpan, height, isWhole = false } = this.#options;
    const style = getComputedStyle(document.documentElement);
    const colourOf = (name: string): string => style.getPropertyValue(`--${name}`).trim();
    const axis = { stroke: colourOf('quiet'), font: FONT, ticks: { show: false } };
    const grid = { stroke: colourOf('grid'), width: 1 };
    const options: uPlot.Options = {
      width: Math.max(200, this.#place.clientWidth),
      height,
      ms: 1,
      padding: [8, 18, 0, 0],
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 7 } },
      scales: {
        x: { range: (_plot, min, max) => [Math.min(min, max - leastSpan), max] },
        y: { range: (_plot, _min, max) => [0, isWhole ? Math.max(4, max * 1.12) : max > 0 ? max * 1.12 : 1] },
      },
      axes: [
        {
          ...axis,
          grid: { show: false },
          space: 64,
          size: 28,
          incrs: [...timeSteps],
          values: (_plot, splits) => splits.map(axisTime),
        },
        {
          ...axis,
          grid,
          space: 36,
          size: 64,
          gap: 8,
          ...(isWhole && { incrs: WHOLE_STEPS }),
          values: (_plot, splits) => splits.map(format),
        },
      ],
      series: [
        {},
        ...lines.map(({ colour }, i) => ({
          stroke: colourOf(colour),
          width: 2,
          ...(i === 0 && { fill: colourOf(`${colour}-soft`) }),
          points: { size: 5 },
        })),
      ],
      hooks: { setCursor: [() => this.#tell()] },
    };
    return new uPlot(options, this.#aligned(), this.#place);
  }

  #fit(): void {
    const width = this.#place.clientWidth;
    if (width > 0) this.#plot?.setSize({ width, height: this.#options.height });
  }

  #tell(): void {
    const { at, columns } = this.#data;
    const { format, exactTime } = this.#options;
    const pointed = this.#plot?.cursor.idx ?? undefined;
    const index = pointed ?? at.length - 1;
    for (const [i, place] of this.#values.entries()) {
      const value = columns[i]?.[index] ?? (pointed === undefined ? newest(columns[i]) : undefined);
      place.textContent = value === undefined ? '–' : format(value);
    }
    const time = at[index];
    this.#when.textContent = pointed === undefined || time === undefined ? '' : exactTime(time);
  }

  #makeTable(): HTMLDetailsElement {
    const { title, lines, timeHeading } = this.#options;
    const headings = [timeHeading, ...lines.map(({ label }) => label)];
    const table = el(
      'table',
      {},
      el('caption', { class: 'visually-hidden' }, title),
      el('thead', {}, el('tr', {}, ...headings.map((heading) => el('th', { scope: 'col' }, heading)))),
      this.#rows,
    );
    const scroll = el(
      'div',
      { class: 'scroll', role: 'region', tabindex: '0', 'aria-label': texts.tableOf(title) },
      table,
    );
    // Whoever goes from one to the next by ear knows of which chart it is.
    const summary = el('summary', {}, texts.table, el('span', { class: 'visually-hidden' }, ` (${title})`));
    const details = el('details', {}, summary, scroll);
    details.addEventListener('toggle', () => details.open && this.#fillTable());
    return details;
  }

  // The newest first, and no more than somebody can read.
  #fillTable(): void {
    const { at, columns } = this.#data;
    const { format, exactTime } = this.#options;
    const step = Math.max(1, Math.ceil(at.length / MAX_ROWS));
    const rows: HTMLElement[] = [];
    for (let i = at.length - 1; i >= 0; i -= step) {
      const cells = columns.map((column) => {
        const value = column[i];
        return el('td', {}, value === undefined || value === null ? '–' : format(value));
      });
      rows.push(el('tr', {}, el('th', { scope: 'row' }, exactTime(at[i] ?? 0)), ...cells));
    }
    this.#rows.replaceChildren(...rows);
  }
}

function newest(column: readonly (number | null)[] = []): number | undefined {
  return column.findLast((value) => value !== null) ?? undefined;
}
