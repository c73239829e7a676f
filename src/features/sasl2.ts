import { flag } from '../config/kinds.ts';
import { type ConfigOf, option, section } from '../config/schema.ts';
import type { Feature } from '../core/feature.ts';
import { inlineLogin } from '../core/inline.ts';

const config = section(
  'Login in one step, with everything else that a client wants (XEP-0388). Only on encrypted streams.',
  {
    upgrades: option(flag(), {
      default: true,
      doc: 'Whether clients may add keys for stronger SCRAM mechanisms to accounts that lack them, when they log in with the password (XEP-0480).',
      reload: 'restart',
    }),
    pipelining: option(flag(), {
      default: true,
      doc: 'Whether clients are told a version of what is offered, so that they can log in without waiting for the offer (XEP-0509).',
      reload: 'restart',
    }),
  },
);

/**
 * Lets clients log in and have the rest in one step. The procedure is the stream's; here is only whether it may be used.
 * XEP-0388, with XEP-0440, XEP-0474 and XEP-0515 against those who alter the offer.
 */
export const sasl2: Feature<ConfigOf<typeof config>> = {
  name: 'sasl2',
  specs: [
    { xep: 388, version: '1.0.4', note: 'TLS early data is not accepted: Node.js offers none to servers' },
    { xep: 440, version: '1.0.0' },
    { xep: 474, version: '0.5.0' },
    { xep: 480, version: '0.2.0', note: 'SCRAM-SHA-256 and SCRAM-SHA-512' },
    { xep: 509, version: '0.2.0' },
    { xep: 515, version: '0.1.0' },
  ],
  config,
  setup(host, settings) {
    host.provide(inlineLogin, settings);
  },
};
