import { Topic } from '../../core/points.ts';

/** How many users of a host were active lately; each counts once, and who was active in a day was so in a week. */
export interface ActiveUsers {
  /** When they were counted, in milliseconds since the Unix epoch. */
  readonly at: number;
  /** During the last 24 hours. */
  readonly day: number;
  /** During the last 7 × 24 hours. */
  readonly week: number;
  /** During the last 30 × 24 hours. */
  readonly month: number;
}

/** The active users of the host were counted anew. */
export const activeUsersCounted = new Topic<ActiveUsers>('activeUsersCounted');
