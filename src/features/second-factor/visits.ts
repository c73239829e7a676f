import type { FeatureHost } from '../../core/feature.ts';
import type { User } from '../../core/users.ts';
import type { JID } from '../../jid.ts';
import { Tickets } from '../shared/tickets.ts';
import type { SecondFactors } from './api.ts';

/** How long a page may lie there before its forms are of no use. */
const PAGE_MS = 600_000;
/** How long somebody may go on from page to page without a new login. */
const VISIT_MS = 3_600_000;

/** How much is kept of a digest, in characters of base64url: nobody gains by two that are alike. */
const DIGEST_CHARS = 12;

/** How far somebody has got: only the password is known to be right, or all that the account asks for. */
export type Stage = 'second-step' | 'account';

/** Somebody on the account page, who has logged in. */
export interface Visit {
  readonly jid: JID;
  /** When it began, in milliseconds since the Unix epoch. */
  readonly at: number;
  /** Whether more than the password was proved. */
  readonly isProved: boolean;
  /** Whether the password was not needed. */
  readonly byPasskey: boolean;
  /** When the password was set that there was when the visit began, or that was set in its course: another ends it. In the same unit. */
  readonly passwordUpdatedAt: number;
  /** Digests of the second factors that there were then, any of which may have been the one. */
  readonly factors: readonly string[];
}

/**
 * Who is on which page. There are no cookies: each page carries a ticket for its forms. A ticket ends with the password, with
 * the account, when the account asks for a second factor that the visit began without, and when it loses one that it had.
 */
export class Visits {
  readonly #host: FeatureHost;
  readonly #factors: SecondFactors;
  readonly #tickets: Tickets;

  constructor(host: FeatureHost, factors: SecondFactors) {
    this.#host = host;
    this.#factors = factors;
    this.#tickets = new Tickets({
      sealing: host.grants.sealing,
      clock: host.clock,
      place: `account page\0${host.domain}`,
      ttlMs: PAGE_MS,
    });
  }

  /** The visit of somebody who has just proved to be this user, by the password that the user had, or by a passkey alone. */
  async begin({ jid, passwordUpdatedAt }: User, byPasskey: boolean): Promise<Visit> {
    const factors = await this.#factorsOf(jid.local);
    return { jid, at: this.#host.clock.now(), isProved: byPasskey, byPasskey, passwordUpdatedAt, factors };
  }

  /** A ticket for the forms of one page. */
  ticket(stage: Stage, { jid, factors, ...visit }: Visit): string {
    return this.#tickets.issue(stage, { local: jid.local, ...visit, factors: factors.join(' ') });
  }

  /** Whose ticket it is; undefined when it is none for that stage any more. */
  async read(stage: Stage, ticket: string | undefined): Promise<Visit | undefined> {
    const facts = this.#tickets.read(stage, ticket);
    const user = facts && (await this.#host.users.get(String(facts['local'])));
    if (facts === undefined || user === undefined || user.disabled) return undefined;
    const at = Number(facts['at']);
    const isProved = facts['isProved'] === true;
    const { passwordUpdatedAt } = user;
    if (facts['passwordUpdatedAt'] !== passwordUpdatedAt) return undefined;
    if (at + VISIT_MS <= this.#host.clock.now()) return undefined;
    const isEnough = isProved || stage === 'second-step' || !(await this.#factors.of(user.jid.local)).isRequired;
    if (!isEnough) return undefined;
    const factors = String(facts['factors']).split(' ').filter(Boolean);
    const present = await this.#factorsOf(user.jid.local);
    // What was lost or stolen is taken from the account, and with it whoever came in by it.
    if (!factors.every((factor) => present.includes(factor))) return undefined;
    return { jid: user.jid, at, isProved, byPasskey: facts['byPasskey'] === true, passwordUpdatedAt, factors };
  }
  async #factorsOf(local: string): Promise<readonly string[]> {
    const names = await this.#factors.names(local);
    return names.map((name) => this.#host.grants.sealing.digest(`visit\0${name}`).slice(0, DIGEST_CHARS));
  }
}
