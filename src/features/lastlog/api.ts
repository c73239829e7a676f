import { Service } from '../../core/service.ts';

/** Something that a user did, in milliseconds since the Unix epoch; the address only where it is kept. */
export interface Occasion {
  readonly at: number;
  readonly address?: string | undefined;
}

/** When somebody last did what; undefined where that is not known. */
export interface Activity {
  readonly login: Occasion | undefined;
  /** The end of a session. */
  readonly logout: Occasion | undefined;
  readonly registered: Occasion | undefined;
}

/** When the accounts of one host were last used. Localparts are prepared ones. */
export interface Lastlog {
  /** Undefined for an account that does not exist. */
  of(local: string): Promise<Activity | undefined>;
  /** Now, for a user who has a session; otherwise the later of the last login and logout, if there was one. */
  getLastActive(local: string): Promise<number | undefined>;
  /**
   * Every account that has logged in or out, by localpart, with the later of the two in milliseconds since the Unix epoch. Who
   * has a session is not told apart. What happens meanwhile may be seen or not; rejects when the store fails.
   */
  all(): AsyncIterable<readonly [local: string, at: number]>;
  /** Puts a login down that did not happen on a stream. */
  loggedIn(local: string, address: string): void;
}

/** Provided where the last activity of accounts is put down. */
export const lastlog = new Service<Lastlog>('lastlog');
