import type { Feature } from '../../src/core/feature.ts';
import { accountSends } from '../../src/core/points.ts';

/** Own presence and nothing else: what the core must know about sessions, without subscriptions and broadcasts. */
export const ownPresence: Feature = {
  name: 'own-presence',
  specs: [],
  setup(host) {
    host.filter(accountSends, ({ stanza, account, session }) => {
      if (stanza.kind !== 'presence' || stanza.to !== undefined) return;
      host.setPresence(account, session, stanza.type === 'available' ? stanza : undefined);
    });
  },
};

/** Makes these users subscribers of everybody's presence. */
export function subscribers(...locals: readonly string[]): Feature {
  return {
    name: 'subscribers',
    specs: [],
    setup: (host) => host.audience((_, from) => from.domain === host.domain && locals.includes(from.local)),
  };
}
