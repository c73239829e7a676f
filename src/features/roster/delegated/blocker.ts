import type { FeatureHost } from '../../../core/feature.ts';
import { accountReceives, accountSends, CONSUMED, type Verdict } from '../../../core/points.ts';
import type { AnyStanza } from '../../../stanza.ts';

/**
 * Drops presence that asks for, grants or ends subscriptions, silently and whoever sends it to whomever: only the owner of the
 * rosters makes friends. What says who is there passes, and so do probes and errors.
 */
export function blockSubscriptions(host: FeatureHost): void {
  host.filter(accountSends, ({ stanza }) => verdictOn(stanza));
  host.filter(accountReceives, ({ stanza }) => verdictOn(stanza));
}

function verdictOn({ kind, type }: AnyStanza): Verdict {
  if (kind !== 'presence') return undefined;
  switch (type) {
    case 'subscribe':
    case 'subscribed':
    case 'unsubscribe':
    case 'unsubscribed':
      return CONSUMED;
    default:
      return undefined;
  }
}
