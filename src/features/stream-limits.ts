import type { Feature } from '../core/feature.ts';
import { AUTHENTICATED, BOUND } from '../stream/stream.ts';
import { el } from '../xml/element.ts';

const NS = 'urn:xmpp:stream-limits:0';

/** Tells clients how large their stanzas may be and how long they may be silent, before login and after. XEP-0478. */
export const streamLimits: Feature = {
  name: 'stream-limits',
  specs: [{ xep: 478, version: '0.2.0' }],
  setup(host) {
    host.negotiate({
      name: 'stream-limits',
      needs: 0,
      excludes: BOUND,
      offer({ bits }) {
        const { stanza, timeouts } = host.settings.current.limits;
        const isAuthenticated = (bits & AUTHENTICATED) !== 0;
        const maxBytes = isAuthenticated ? stanza.bytes : stanza.bytesBeforeAuth;
        // Before login, what counts is the time in which it must be done.
        const idleMs = isAuthenticated ? timeouts.silenceMs : timeouts.authenticationMs;
        return el(
          'limits',
          { xmlns: NS },
          el('max-bytes', {}, String(maxBytes)),
          el('idle-seconds', {}, String(Math.floor(idleMs / 1000))),
        );
      },
    });
  },
};
