import { Service } from '../../core/service.ts';

/** The kinds of stanzas, as reports name them. */
export type StanzaKind = 'message' | 'iq' | 'presence';

/** How many stanzas of a kind clients have sent, and have been sent, on all hosts since the server started. */
export interface StanzaTotal {
  readonly sent: number;
  readonly received: number;
}

/** Whoever counts stanzas for the whole server tells the totals. */
export const stanzaTotals = new Service<() => Readonly<Record<StanzaKind, StanzaTotal>>>('stanza totals');
