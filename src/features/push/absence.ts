import type { Summary } from './notification.ts';

/** What an app server may be told of one more message. */
export type News = Omit<Summary, 'messages'>;

const NOTHING: News = { pendingSubscriptions: undefined, lastSender: undefined, lastBody: undefined };

/** The time in which a client does not notice what arrives for it. Times are milliseconds of the monotonic clock. */
export class Absence {
  /** When the client was last woken, by whatever; and for a call. */
  wokenAt = Number.NEGATIVE_INFINITY;
  rungAt = Number.NEGATIVE_INFINITY;
  /** The client is back: there is no need to wake it any more. */
  isOver = false;
  #messages = 0;
  #news = NOTHING;

  /** How many messages have arrived that are worth waking the client for. */
  get messages(): number {
    return this.#messages;
  }

  /** What may be told of the last of them. */
  get news(): News {
    return this.#news;
  }

  /** Another message has arrived. */
  missed(news: News): void {
    this.#messages++;
    this.#news = news;
  }
}
