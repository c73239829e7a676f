import { StanzaError } from '../../../errors.ts';
import type { Clock, Timer } from '../../../util/clock.ts';
import { chance } from '../../../util/ids.ts';
import type { LiveRoster } from '../roster.ts';

/** Between two attempts in the background, at first; each time it is twice as long. */
const RETRY_MS = 5000;
const MAX_RETRY_MS = 300_000;

/** The roster of a user while there are sessions of it; one that comes back later gets another. */
export class OnlineRoster {
  /** What the sessions are served; undefined until it is decided. */
  roster: LiveRoster | undefined;
  /** They are served something in the place of the roster, which could not be fetched. */
  isSubstitute = false;
  /** Resolves when it is decided what the sessions are served; rejects with a StanzaError when they are not served at all. */
  readonly decided: Promise<void>;
  #decide: () => void = () => {};
  #refuse: (error: StanzaError) => void = () => {};
  #retry: Timer | undefined;
  #retries = 0;

  constructor() {
    this.decided = new Promise((resolve, reject) => {
      this.#decide = resolve;
      this.#refuse = reject;
    });
    // Perhaps nobody waits for it.
    this.decided.catch(() => {});
  }

  /** Serves this from now on. */
  serve(roster: LiveRoster, isSubstitute: boolean): void {
    this.roster = roster;
    this.isSubstitute = isSubstitute;
    if (!isSubstitute) this.#cancel();
    this.#decide();
  }

  /** Whoever waits is told that there is nothing to be had. */
  refuse(): void {
    this.#cancel();
    this.#refuse(new StanzaError('internal-server-error', { text: 'the contacts cannot be had at the moment' }));
  }

  /** Tries once more after a while, which grows; not all users who share an outage at the same moment. */
  retryLater(clock: Clock, run: () => void): void {
    this.#retry?.cancel();
    const ms = Math.min(RETRY_MS * 2 ** this.#retries++, MAX_RETRY_MS);
    this.#retry = clock.after(ms * (0.5 + chance() / 2), run);
  }

  #cancel(): void {
    this.#retry?.cancel();
    this.#retry = undefined;
    this.#retries = 0;
  }
}
