import type { FeatureHost } from '../../core/feature.ts';
import { type ActiveUsers, activeUsersCounted } from '../active-users/api.ts';
import { type Visitors, visitorCounted } from '../monthly-visitors/api.ts';
import { Steadiness } from '../shared/steadiness.ts';
import type { Online } from './api.ts';
import { Attendance } from './attendance.ts';
import type { History } from './history.ts';

const TICK_MS = 60_000;

/** Puts down for each day what is counted on a host that serves clients, and removes days that are too old. */
export class Recorder {
  /** For how many days the record is kept. */
  keepDays: number;
  readonly #history: History;
  readonly #visitors: Visitors | undefined;
  readonly #attendance: Attendance;
  readonly #steadiness: Steadiness;
  // Commands that work on the store alone put nothing down.
  #isServing = false;
  #active: ActiveUsers | undefined;
  #hasNewVisitors = true;
  #peak: Online = { users: 0, sessions: 0 };
  #day: string | undefined;
  #prunedOn: string | undefined;

  constructor(host: FeatureHost, history: History, visitors: Visitors | undefined, keepDays: number) {
    this.keepDays = keepDays;
    this.#history = history;
    this.#visitors = visitors;
    this.#steadiness = new Steadiness(host.clock);
    this.#attendance = new Attendance(host, () => this.#notePeak());
    host.observe(activeUsersCounted, (counted) => this.#noteActive(counted));
    host.observe(visitorCounted, () => {
      this.#hasNewVisitors = true;
    });
    host.ready(() => {
      this.#isServing = true;
      this.#notePeak();
    });
    host.every('usage.history', TICK_MS, () => this.#tick());
    host.defer(() => this.#noteVisitors());
  }

  get online(): Online {
    return this.#attendance.now;
  }

  /** As counted last since the start. */
  get active(): ActiveUsers | undefined {
    return this.#active;
  }

  async #tick(): Promise<void> {
    this.#notePeak();
    await this.#noteVisitors();
    const { today } = this.#history;
    // Asked in any case: jumps of the clock are seen by asking.
    if (!this.#steadiness.isSteady || this.#prunedOn === today) return;
    this.#prunedOn = today;
    await this.#history.prune(this.keepDays);
  }

  #noteActive(counted: ActiveUsers): void {
    this.#active = counted;
    const { at, day, week, month } = counted;
    this.#history.note({ countedAt: at, activeDay: day, activeWeek: week, activeMonth: month });
  }

  #notePeak(): void {
    const { users, sessions } = this.online;
    const { today } = this.#history;
    const isNewDay = this.#day !== today;
    if (!this.#isServing || (!isNewDay && users <= this.#peak.users && sessions <= this.#peak.sessions)) return;
    const before = isNewDay ? { users: 0, sessions: 0 } : this.#peak;
    this.#peak = { users: Math.max(users, before.users), sessions: Math.max(sessions, before.sessions) };
    // The day has a number of visitors even if none comes.
    if (isNewDay) this.#hasNewVisitors = true;
    this.#day = today;
    this.#history.note({ peakUsers: this.#peak.users, peakSessions: this.#peak.sessions });
  }

  async #noteVisitors(): Promise<void> {
    const visitors = this.#visitors;
    if (!this.#isServing || !this.#hasNewVisitors || visitors === undefined) return;
    this.#hasNewVisitors = false;
    try {
      const { total } = await visitors.counts(visitors.month);
      this.#history.note({ visitors: total });
    } catch (error) {
      this.#hasNewVisitors = true;
      throw error;
    }
  }
}
