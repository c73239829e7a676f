import type { Account } from '../../core/account.ts';
import type { Session } from '../../core/session.ts';
import { heapInUse, type Memory } from '../../metrics/memory.ts';
import type { Clock } from '../../util/clock.ts';
import { SOFTWARE_VERSION } from '../../util/software.ts';
import { sessionLine, statLine, type TickTraffic } from './lines.ts';

export interface StatisticsOptions {
  readonly clock: Clock;
  readonly memory: Memory;
  /** The live accounts of all hosts. */
  readonly accounts: () => Iterable<Account>;
  /** Microseconds of processor time that the process has taken, all threads. */
  readonly cpuUs: () => number;
}

/** What was seen of a session at the last tick; the bytes are those of its link. */
interface Seen {
  readonly id: string;
  readonly link: Session['link'];
  readonly traffic: TickTraffic;
}

/** What the server does, as lines: everything at first, then what has changed since the tick before. */
export class Statistics {
  readonly #options: StatisticsOptions;
  readonly #startedAt: number;
  #values = new Map<string, number | string>();
  #seen = new Map<Session, Seen>();
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
    this.#seen = new Map();
    this.#sample = undefined;
  }

  #countSessions(values: Map<string, number | string>, isFirst: boolean): string {
    const before = this.#seen;
    this.#seen = new Map();
    let [users, count, lines] = [0, 0, ''];
    for (const { sessions } of this.#options.accounts()) {
      if (sessions.size > 0) users++;
      count += sessions.size;
      for (const session of sessions.values()) {
        const moved = this.#look(session, before.get(session));
        if (!isFirst && moved !== undefined) lines += moved;
      }
    }
    values.set('total_users', users);
    values.set('total_c2s', count);
    // There are no streams between servers and no components, and so no connections of theirs.
    for (const name of ['total_s2sin', 'total_s2sout', 'total_s2s', 'total_component']) values.set(name, 0);
    return lines;
  }

  #look(session: Session, before: Seen | undefined): string | undefined {
    const { link } = session;
    const { messagesIn, messagesOut, presencesIn, presencesOut, iqsIn, iqsOut } = session.traffic;
    const stanzas = { messagesIn, messagesOut, presencesIn, presencesOut, iqsIn, iqsOut };
    const traffic = { ...stanzas, bytesIn: link?.bytesRead ?? 0, bytesOut: link?.bytesWritten ?? 0 };
    const id = before?.id ?? (this.#nextId++).toString(16);
    this.#seen.set(session, { id, link, traffic });
    const moved = difference(traffic, trafficBefore(before, link));
    const hasMoved = Object.values(moved).some((count) => count > 0);
    return hasMoved ? sessionLine(id, session.jid.toString(), moved) : undefined;
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

const NO_BYTES = { bytesIn: 0, bytesOut: 0 };
const NOTHING = { messagesIn: 0, messagesOut: 0, presencesIn: 0, presencesOut: 0, iqsIn: 0, iqsOut: 0, ...NO_BYTES };

// Another link has counted its own bytes only.
function trafficBefore(before: Seen | undefined, link: Session['link']): TickTraffic {
  if (before === undefined) return NOTHING;
  return before.link === link ? before.traffic : { ...before.traffic, ...NO_BYTES };
}

function difference(now: TickTraffic, before: TickTraffic): TickTraffic {
  return {
    messagesIn: now.messagesIn - before.messagesIn,
    messagesOut: now.messagesOut - before.messagesOut,
    presencesIn: now.presencesIn - before.presencesIn,
    presencesOut: now.presencesOut - before.presencesOut,
    iqsIn: now.iqsIn - before.iqsIn,
    iqsOut: now.iqsOut - before.iqsOut,
    bytesIn: Math.max(0, now.bytesIn - before.bytesIn),
    bytesOut: Math.max(0, now.bytesOut - before.bytesOut),
  };
}
