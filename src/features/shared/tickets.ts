import type { Sealing } from '../../core/sealing.ts';
import type { Clock } from '../../util/clock.ts';
import { storedObject } from './stored.ts';

/** What a ticket says. */
export type TicketFacts = Readonly<Record<string, string | number | boolean>>;

export interface TicketsOptions {
  readonly sealing: Sealing;
  readonly clock: Clock;
  /** Who issues them, and of which host: they are of no use to anybody else. */
  readonly place: string;
  /** For how long they are good. */
  readonly ttlMs: number;
}

/** In characters of base64. */
const MAX_TICKET = 8192;

/**
 * What a page gives a browser to bring back, in the place of cookies: facts that nobody can read, change, or use for another
 * purpose or after their time. They outlive a restart, and nothing is kept of them.
 */
export class Tickets {
  readonly #options: TicketsOptions;

  constructor(options: TicketsOptions) {
    this.#options = options;
  }

  issue(purpose: string, facts: TicketFacts): string {
    const { sealing, clock, ttlMs } = this.#options;
    return sealing.seal(JSON.stringify({ ...facts, until: clock.now() + ttlMs }), this.#placeOf(purpose));
  }

  /** The facts of a ticket; undefined for whatever is none of that purpose, or too old. */
  read(purpose: string, ticket: string | undefined): { readonly [fact: string]: unknown } | undefined {
    if (ticket === undefined || ticket.length > MAX_TICKET) return undefined;
    const text = this.#options.sealing.open(ticket, this.#placeOf(purpose));
    if (text === undefined) return undefined;
    const facts = storedObject(JSON.parse(text));
    const leftMs = Number(facts['until']) - this.#options.clock.now();
    // One that is good for longer than any was made before the clock was set back.
    return leftMs > 0 && leftMs <= this.#options.ttlMs ? facts : undefined;
  }

  #placeOf(purpose: string): string {
    return `${this.#options.place}\0${purpose}`;
  }
}
