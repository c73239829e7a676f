import type { Feature } from '../core/feature.ts';

const NS = 'urn:xmpp:ping';

/** Answers whoever wants to know whether the server is there. XEP-0199. */
export const ping: Feature = {
  name: 'ping',
  specs: [{ xep: 199, version: '2.0.1' }],
  setup(host) {
    for (const to of ['host', 'account'] as const) host.handle({ type: 'get', ns: NS, name: 'ping', to }, () => {});
  },
};
