import type { Feature } from '../core/feature.ts';
import { el } from '../xml/element.ts';
import { dateTime, zoneOffset } from './shared/date-time.ts';

const NS = 'urn:xmpp:time';

/** Tells the time of the server and its time zone. XEP-0202. */
export const time: Feature = {
  name: 'time',
  specs: [
    { xep: 82, version: '1.1.1' },
    { xep: 202, version: '2.0' },
  ],
  setup(host) {
    host.handle({ type: 'get', ns: NS, name: 'time', to: 'host' }, () => {
      const now = host.clock.now();
      // JavaScript counts how far UTC is ahead of the local time, XMPP the other way round.
      const tzo = zoneOffset(-new Date(now).getTimezoneOffset());
      return el('time', { xmlns: NS }, el('tzo', {}, tzo), el('utc', {}, dateTime(now)));
    });
  },
};
