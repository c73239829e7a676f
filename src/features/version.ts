import { release, type } from 'node:os';
import { flag } from '../config/kinds.ts';
import { type ConfigOf, option, section } from '../config/schema.ts';
import type { Feature } from '../core/feature.ts';
import { SOFTWARE_NAME, SOFTWARE_VERSION } from '../util/software.ts';
import { el } from '../xml/element.ts';
import { resultForm } from './shared/data-form.ts';

const NS = 'jabber:iq:version';
const SOFTWARE_INFO = 'urn:xmpp:dataforms:softwareinfo';

const config = section('Which software this is (XEP-0092).', {
  os: option(flag(), {
    default: false,
    doc: 'Whether everyone is told the operating system too. It helps attackers more than users.',
    reload: 'restart',
  }),
});

/** Tells which software this is, to those who ask and in service discovery. XEP-0092, XEP-0232. */
export const version: Feature<ConfigOf<typeof config>> = {
  name: 'version',
  specs: [
    { xep: 92, version: '1.1' },
    { xep: 232, version: '0.3' },
  ],
  config,
  setup(host, { os }) {
    const answer = el(
      'query',
      { xmlns: NS },
      el('name', {}, SOFTWARE_NAME),
      el('version', {}, SOFTWARE_VERSION),
      os ? el('os', {}, `${type()} ${release()}`) : undefined,
    );
    const form = resultForm(SOFTWARE_INFO, {
      software: SOFTWARE_NAME,
      software_version: SOFTWARE_VERSION,
      ...(os ? { os: type(), os_version: release() } : {}),
    });
    host.handle({ type: 'get', ns: NS, name: 'query', to: 'host' }, () => answer);
    host.advertise({ form: () => form });
  },
};
