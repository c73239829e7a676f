import type { FeatureHost } from '../../core/feature.ts';
import { type SessionEvent, sessionBound, sessionEnded, sessionRestored } from '../../core/points.ts';
import type { Online } from './api.ts';

/** Counts who is connected, as they come and go. */
export class Attendance {
  #users = 0;
  #sessions = 0;

  /** `grown` is called whenever there are more sessions than a moment ago. */
  constructor(host: FeatureHost, grown: () => void) {
    const came = ({ account }: SessionEvent): void => {
      this.#sessions++;
      if (account.sessions.size === 1) this.#users++;
      grown();
    };
    host.observe(sessionBound, came);
    host.observe(sessionRestored, came);
    host.observe(sessionEnded, ({ account }) => {
      this.#sessions--;
      if (account.sessions.size === 0) this.#users--;
    });
  }

  get now(): Online {
    return { users: this.#users, sessions: this.#sessions };
  }
}
