import type { Feature } from '../core/feature.ts';
import { AUTHENTICATED, BOUND } from '../stream/stream.ts';
import { el } from '../xml/element.ts';
import { NS_SESSION } from '../xml/ns.ts';

/** Lets old clients establish a session, which binding a resource has already done. RFC 3921 §3, RFC 6121 Appendix E. */
export const legacySession: Feature = {
  name: 'legacy-session',
  specs: [{ rfc: 3921, sections: '3', note: 'offered as optional, so that newer clients skip it' }],
  setup(host) {
    host.negotiate({
      name: 'legacy-session',
      needs: AUTHENTICATED,
      excludes: BOUND,
      offer: () => el('session', { xmlns: NS_SESSION }, el('optional')),
    });
    for (const to of ['host', 'self'] as const) {
      host.handle({ type: 'set', ns: NS_SESSION, name: 'session', to, hidden: true, permission: null }, () => {});
    }
  },
};
