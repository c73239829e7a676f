import { Service } from '../../core/service.ts';
import type { ActiveUsers } from '../active-users/api.ts';

/** The name of what too-small counts are together; nothing that is configured can have it. */
export const OTHERS = '(others)';

/** One count of several that make up a total. */
export interface Cell {
  readonly name: string;
  readonly count: number;
}

/** A total by what it is made of, the largest first; with `OTHERS` last, where some counts are too small to be shown. */
export type Shares = readonly Cell[];

/** The visitors of a month, each once in each of the shares. What is not known is `?`. */
export interface VisitorFigures {
  /** `2026-02`. */
  readonly month: string;
  readonly total: number;
  /** By ISO 3166-1. */
  readonly countries: Shares;
  /** As `DE-HE-2925533`: country, subdivision, and the GeoNames identifier of the city. */
  readonly places: Shares;
  readonly clients: Shares;
}

/** Who is connected. */
export interface Online {
  readonly users: number;
  readonly sessions: number;
}

/** What is kept of a day (UTC); what is undefined was not measured, such as while the server was down. */
export interface DayFigures {
  /** `2026-02-28`. */
  readonly day: string;
  /** As counted last on that day. */
  readonly active: ActiveUsers | undefined;
  /** The visitors of the month until the end of that day. */
  readonly visitors: number | undefined;
  /** The most at any moment of the day. */
  readonly peak: Online | undefined;
}

/** How one host is used: everything that is shown to people, whoever shows it. Counts that are too small are not in it. */
export interface UsageFigures {
  readonly online: Online;
  /** As counted last, be it before the start; undefined when that was never done. */
  active(): Promise<ActiveUsers | undefined>;
  /** The visitors of a month, the present one unless given; undefined where they are not counted. */
  visitors(month?: string): Promise<VisitorFigures | undefined>;
  /** The months that there are visitors of, the oldest first. */
  months(): Promise<readonly string[]>;
  /** The last days until today, at most so many: each of them, from the first of which anything is known. */
  days(count: number): Promise<readonly DayFigures[]>;
}

/** Provided where usage is kept. */
export const usageFigures = new Service<UsageFigures>('usageFigures');
