import type { Logger } from '../../../log/log.ts';
import type { Awaitable } from '../../../util/awaitable.ts';
import type { FetchFailure } from '../api.ts';
import type { LiveRoster } from '../roster.ts';
import { type RosterSource, SourceError, type Urgency } from './source.ts';

/** What rosters are fetched for. */
export interface Landing {
  /** Whether somebody is there who needs the roster of this user. */
  isNeeded(local: string): boolean;
  /** A fetch has ended, well or not; the next one of this user begins after this. */
  landed(local: string, fetched: LiveRoster | SourceError): Awaitable<void>;
}

interface Running {
  /** Whom it is for; a login may join what began as a refresh. */
  urgency: Urgency;
  /** What it brought is being dealt with, and may be for others than those who come now. */
  isLanding: boolean;
  ended: Promise<FetchFailure | undefined>;
  next: Promise<FetchFailure | undefined> | undefined;
}

/** At most one fetch of each user is under way, and one more is to follow; so no older answer ever lands after a newer one. */
export class Fetches {
  readonly #source: RosterSource;
  readonly #landing: Landing;
  readonly #log: Logger;
  readonly #running = new Map<string, Running>();

  constructor(source: RosterSource, landing: Landing, log: Logger) {
    this.#source = source;
    this.#landing = landing;
    this.#log = log;
  }

  /** Shares the fetch that is under way, or begins one when it has ended; resolves with why it failed, or undefined. */
  join(local: string, urgency: Urgency): Promise<FetchFailure | undefined> {
    const running = this.#running.get(local);
    if (running === undefined) return this.#begin(local, urgency);
    if (running.isLanding) return running.ended.then(() => this.join(local, urgency));
    if (urgency === 'login') running.urgency = urgency;
    return running.ended;
  }

  /**
   * A fetch that begins only now, and so brings what has changed: with one under way it comes after that, and is the same for
   * all that ask meanwhile.
   */
  renew(local: string): Promise<FetchFailure | undefined> {
    const running = this.#running.get(local);
    if (running === undefined) return this.#begin(local, 'refresh');
    running.next ??= running.ended.then(() => this.join(local, 'refresh'));
    return running.next;
  }

  /** What is under way for this user is of no use any more. */
  forget(local: string): void {
    this.#running.delete(local);
  }

  #begin(local: string, urgency: Urgency): Promise<FetchFailure | undefined> {
    if (!this.#landing.isNeeded(local)) return NOT_NEEDED;
    const running: Running = { urgency, isLanding: false, ended: NOT_NEEDED, next: undefined };
    this.#running.set(local, running);
    running.ended = this.#run(local, running);
    return running.ended;
  }

  async #run(local: string, running: Running): Promise<FetchFailure | undefined> {
    const isForgotten = (): boolean => this.#running.get(local) !== running;
    const { urgency } = running;
    let fetched = await this.#fetch(local, urgency);
    // What was not done for a refresh, because others came first, is done for a login.
    const isShed = fetched instanceof SourceError && fetched.reason === 'overloaded';
    if (isShed && running.urgency !== urgency && !isForgotten()) fetched = await this.#fetch(local, running.urgency);
    if (isForgotten()) return undefined;
    running.isLanding = true;
    try {
      await this.#landing.landed(local, fetched);
    } catch (error) {
      this.#log.error('bug', { where: 'landed' }, error);
    }
    if (!isForgotten()) this.#running.delete(local);
    return fetched instanceof SourceError ? fetched.reason : undefined;
  }

  async #fetch(local: string, urgency: Urgency): Promise<LiveRoster | SourceError> {
    try {
      return await this.#source.fetch(local, urgency);
    } catch (error) {
      if (error instanceof SourceError) return error;
      this.#log.error('bug', { where: 'fetch' }, error);
      return new SourceError('refused', 'a bug', { cause: error });
    }
  }
}

const NOT_NEEDED: Promise<undefined> = Promise.resolve(undefined);
