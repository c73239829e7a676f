import type { Account } from '../../core/account.ts';
import type { Session } from '../../core/session.ts';
import { heapInUse, type Memory } from '../../metrics/memory.ts';
import type { Clock } from '../../util/clock.ts';
import { SOFTWARE_VERSION } from '../../util/software.ts';
import { sessionLine, statLine } from './lines.ts';
import { Seen } from './seen.ts';

export interface StatisticsOptions {
  readonly clock: Clock;
  readonly memory: Memory;
  /** The live accounts of all hosts. */
  readonly accounts: () => Iterable<Account>;
  /** Microseconds of processor time that the process has taken, all threads. */
  readonly cpuUs: () => number;
}

/** What the server does, as lines: everything at first, then what has changed since the tick before. */
export class Statistics {
  readonly #options: StatisticsOptions;
  readonly #startedAt: number;
  #values = new Map<string, number | string>();
  #seen = new WeakMap<Session, Seen>();
  #nextId = 0;
  #sample: { readonly at: number; readonly cpuUs: number } | undefined;

  constructor(options: StatisticsOptions) {
    this.#options = options;
    this.#startedAt = Math.floor(options.clock.now() / 1000);
  }

  /** Everything that is known, then an empty line. It is looked up for the first who asks, and told to others as it was then. */
  all(): string {
    if (this.#values.size === 0) this.tick();
    let lines = '';
    for (const [name, value] of this.#values) lines += statLine(name, value);
    return `${lines}\n`;
  }

  /** Looks again. Returns what has changed since the last time, and the sessions that moved data meanwhile. */
  tick(): string {
    let lines = '';
    // Of what was going on before somebody watched there is nothing to tell.
    const isFirst = this.#values.size === 0;
    const values = new Map<string, number | string>([['version', SOFTWARE_VERSION]]);
    const sessions = this.#countSessions(values, isFirst);
    this.#measureProcess(values);
    for (const [name, value] of values) {
      if (this.#values.get(name) !== value) lines += statLine(name, value);
    }
    this.#values = values;
    return lines + sessions;
  }

  /** Nobody asks any more: what was seen says nothing about when somebody asks again. */
  forget(): void {
    this.#values = new Map();
    this.#seen = new WeakMap();
    this.#sample = undefined;
  }

  #countSessions(values: Map<string, number | string>, isFirst: boolean): string {
    let [users, count, lines] = [0, 0, ''];
    for (const { sessions } of this.#options.accounts()) {
      if (sessions.size > 0) users++;
      count += sessions.size;
      for (const session of sessions.values()) {
        const seen = this.#seenOf(session);
        const moved = seen.look();
        if (!isFirst && moved !== undefined) lines += sessionLine(seen.head, moved);
      }
    }
    values.set('total_users', users);
    values.set('total_c2s', count);
    // There are no streams between servers and no components, and so no connections of theirs.
    for (const name of ['total_s2sin', 'total_s2sout', 'total_s2s', 'total_component']) values.set(name, 0);
    return lines;
  }

  #seenOf(session: Session): Seen {
    let seen = this.#seen.get(session);
    if (seen === undefined) {
      seen = new Seen((this.#nextId++).toString(16), session);
      this.#seen.set(session, seen);
    }
    return seen;
  }

  #measureProcess(values: Map<string, number | string>): void {
    const { clock, memory, cpuUs } = this.#options;
    values.set('up_since', this.#startedAt);
    const before = this.#sample;
    const sample = { at: clock.monotonic(), cpuUs: cpuUs() };
    this.#sample = sample;
    if (before !== undefined && sample.at > before.at) {
      const busyMs = (sample.cpuUs - before.cpuUs) / 1000;
      values.set('cpu', Math.ceil((100 * busyMs) / (sample.at - before.at)));
    }
    const heap = Math.ceil(heapInUse());
    values.set('memory_lua', heap);
    values.set('memory_js', heap);
    const figures = memory.figures();
    for (const [name, bytes] of Object.entries(figures ?? {})) values.set(`memory_${name}`, bytes);
  }
}
