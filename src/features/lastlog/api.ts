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
  /** Puts a login down that did not happen on a stream. */
  loggedIn(local: string, address: string): void;
}

/** Provided where the last activity of accounts is put down. */
export const lastlog = new Service<Lastlog>('lastlog');
