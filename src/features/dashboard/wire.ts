// What the dashboard's page is told. The page, which is a program of its own, imports this file and nothing else of the
// server's.

/** What can be drawn over the last hour. Times are in seconds, sizes in bytes, rates per second; `cpu` is a part of one core. */
export const LIVE_FIGURES = [
  'connections',
  'sessions',
  'messages',
  'stanzas',
  'handlingMedian',
  'handlingHigh',
  'loopDelay',
  'memory',
  'heap',
  'cpu',
  'storeCommit',
  'storeRead',
  'archiveBytes',
  'uploadBytes',
] as const;
export type LiveFigure = (typeof LIVE_FIGURES)[number];

/** The figures at one moment; null for what is not known. */
export interface LiveSample {
  /** In milliseconds since the Unix epoch. */
  readonly at: number;
  readonly values: Readonly<Record<LiveFigure, number | null>>;
}

/** Samples of the last hour, the oldest first. */
export interface RecentSamples {
  readonly at: readonly number[];
  readonly values: Readonly<Partial<Record<LiveFigure, readonly (number | null)[]>>>;
}

/** The users who were active in the 24 hours, the 7 days and the 30 days before a moment. */
export interface ActiveCounts {
  readonly day: number;
  readonly week: number;
  readonly month: number;
}

/** What is known of a day; null for what was not measured. */
export interface Day {
  /** As `2026-02-28`. */
  readonly day: string;
  readonly active: ActiveCounts | null;
  /** The visitors of the month until the end of that day. */
  readonly visitors: number | null;
  /** The most sessions at any moment of the day. */
  readonly peakSessions: number | null;
}

/** Visitors that have something in common: a country by its code of ISO 3166, or a kind of client; `?` for unknown. */
export interface VisitorGroup {
  readonly name: string;
  readonly count: number;
}

/** The visitors of a month, the largest groups first; those that are too small to be shown are one, `(others)`, at the end. */
export interface MonthOfVisitors {
  /** As `2026-02`. */
  readonly month: string;
  readonly total: number;
  readonly countries: readonly VisitorGroup[];
  readonly clients: readonly VisitorGroup[];
}

/** What has been kept, and changes slowly. */
export interface Figures {
  /** When they were gathered, in milliseconds since the Unix epoch. */
  readonly at: number;
  /** Whose they are; null for all hosts together. */
  readonly host: string | null;
  /** The hosts that there are figures of. */
  readonly hosts: readonly string[];
  readonly version: string;
  /** Who is connected now. */
  readonly online: { readonly users: number; readonly sessions: number };
  /** The newest count of active users, if there has been one. */
  readonly active: ActiveCounts | null;
  /** The oldest first. */
  readonly days: readonly Day[];
  /** The newest first. */
  readonly months: readonly MonthOfVisitors[];
}
