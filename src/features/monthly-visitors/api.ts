import { Topic } from '../../core/points.ts';
import { Service } from '../../core/service.ts';

/** What is not known of a place or a client. */
export const UNKNOWN = '?';

/** Where an address is: ISO codes and the GeoNames identifier of the city, each `?` where it is not known. */
export interface Place {
  readonly country: string;
  readonly subdivision: string;
  readonly city: string;
}

/** The visitors of a month: nobody counts twice, and each has one place and one client. */
export interface VisitorCounts {
  /** `2026-02`. */
  readonly month: string;
  readonly total: number;
  readonly places: readonly (Place & { readonly count: number })[];
  readonly clients: readonly { readonly category: string; readonly count: number }[];
}

/** The visitors of one host, as they were counted: what is shown to people comes from `usageFigures`. */
export interface Visitors {
  /** The month that it is. */
  readonly month: string;
  /** Smaller counts are not shown. */
  readonly minCell: number;
  /** Whether places are shown to those who scrape metrics. */
  readonly exportGeo: boolean;
  /** The months that there are counts of, the oldest first. */
  months(): Promise<readonly string[]>;
  counts(month: string): Promise<VisitorCounts>;
  /** Removes the counts of all months before one; resolves with those months, when that is durable. */
  prune(before: string): Promise<readonly string[]>;
}

/** Provided where visitors are counted. */
export const visitors = new Service<Visitors>('visitors');

/** Another visitor of a month was counted, durably. */
export const visitorCounted = new Topic<{ readonly month: string }>('visitorCounted');

/** How a month is written: `2026-02`. */
export const MONTH = /^\d{4}-(?:0[1-9]|1[0-2])$/;
