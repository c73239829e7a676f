import type { FeatureHost } from '../../core/feature.ts';
import type { JID } from '../../jid.ts';
import { Tickets } from '../shared/tickets.ts';
import type { SecondFactors } from './api.ts';

/** How long a page may lie there before its forms are of no use. */
const PAGE_MS = 600_000;
/** How long somebody may go on from page to page without a new login. */
const VISIT_MS = 3_600_000;

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
}

/**
 * Who is on which page. There are no cookies: each page carries a ticket for its forms. A ticket ends with the password, with
 * the account, and when the account asks for a second factor that the visit began without.
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

  /** A ticket for the forms of one page. */
  ticket(stage: Stage, { jid, at, isProved, byPasskey, passwordUpdatedAt }: Visit): string {
    return this.#tickets.issue(stage, { local: jid.local, at, isProved, byPasskey, passwordUpdatedAt });
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
    return { jid: user.jid, at, isProved, byPasskey: facts['byPasskey'] === true, passwordUpdatedAt };
  }
}
