import type { VisitorGroup } from '../../src/features/dashboard/wire.ts';
import { el } from './dom.ts';
import { count, share } from './formats.ts';
import { texts } from './texts.ts';

const SHOWN = 8;
/** What the server calls groups that are too small to be shown. */
const OTHERS = '(others)';

export interface GroupsOptions {
  readonly title: string;
  /** What the groups are. */
  readonly heading: string;
  readonly nameOf: (name: string) => string;
}

/** Visitors by what they have in common, as a table with a bar in each row. */
export class Groups {
  readonly element: HTMLElement;
  readonly #options: GroupsOptions;
  readonly #body: HTMLElement;

  constructor(options: GroupsOptions) {
    this.#options = options;
    this.#body = el('div');
    this.element = el('section', { class: 'card groups' }, el('h3', {}, options.title), this.#body);
  }

  show(groups: readonly VisitorGroup[]): void {
    if (groups.length === 0) {
      this.#body.replaceChildren(el('p', { class: 'quiet' }, texts.noVisitors));
      return;
    }
    const total = groups.reduce((sum, group) => sum + group.count, 0);
    const largest = Math.max(1, ...groups.map((group) => group.count));
    const rows = groups.map((group) => this.#row(group, total, largest));
    const parts: HTMLElement[] = [this.#table(rows.slice(0, SHOWN))];
    if (rows.length > SHOWN) {
      const rest = rows.slice(SHOWN);
      parts.push(el('details', {}, el('summary', {}, texts.more(rest.length)), this.#table(rest)));
    }
    this.#body.replaceChildren(...parts);
  }

  #table(rows: readonly HTMLElement[]): HTMLElement {
    const { title, heading } = this.#options;
    const headings = [heading, texts.visitors, texts.share];
    return el(
      'table',
      {},
      el('caption', { class: 'visually-hidden' }, title),
      el(
        'thead',
        { class: 'visually-hidden' },
        el('tr', {}, ...headings.map((text) => el('th', { scope: 'col' }, text))),
      ),
      el('tbody', {}, ...rows),
    );
  }

  #row({ name, count: visitors }: VisitorGroup, total: number, largest: number): HTMLElement {
    const isOthers = name === OTHERS;
    const label = isOthers ? texts.others : name === '?' ? texts.unknown : this.#options.nameOf(name);
    const bar = el('div', { class: isOthers || name === '?' ? 'bar dim' : 'bar', 'aria-hidden': 'true' });
    bar.style.width = `${(100 * visitors) / largest}%`;
    return el(
      'tr',
      {},
      el('th', { scope: 'row' }, el('span', { class: 'name' }, label), bar),
      el('td', {}, count(visitors)),
      el('td', { class: 'quiet' }, share(total === 0 ? 0 : visitors / total)),
    );
  }
}
