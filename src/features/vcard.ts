import type { Feature } from '../core/feature.ts';
import { accountRemoved } from '../core/points.ts';
import { StanzaError } from '../errors.ts';
import type { JID } from '../jid.ts';
import type { Table } from '../store/store.ts';
import { elements, serialize } from '../xml/element.ts';
import { parseElement } from '../xml/parser.ts';
import { storedText } from './shared/stored.ts';

const NS = 'vcard-temp';

/** Keeps one vCard for each account, as it is; the whole world may read it. XEP-0054. */
export const vcard: Feature = {
  name: 'vcard',
  specs: [{ xep: 54, version: '1.3.0' }],
  setup(host) {
    const cards: Table<string> = host.table({ name: 'vcard', parse: storedText });
    host.advertise({ feature: NS });

    async function read({ local, domain }: JID, otherwise: 'item-not-found' | 'service-unavailable') {
      const card = await cards.get(domain, local);
      if (card === undefined) throw new StanzaError(otherwise);
      return parseElement(card);
    }

    host.handle({ type: 'get', ns: NS, name: 'vCard', to: 'self' }, ({ account }) =>
      read(account.jid, 'item-not-found'),
    );
    // §3.3: the same answer as for an account that does not exist.
    host.handle({ type: 'get', ns: NS, name: 'vCard', to: 'account', audience: 'anyone' }, ({ account }) =>
      read(account.jid, 'service-unavailable'),
    );
    host.handle({ type: 'set', ns: NS, name: 'vCard', to: 'self' }, async ({ account, payload }) => {
      const { domain, local } = account.jid;
      if (elements(payload).length === 0) return cards.delete([domain, local]);
      const card = serialize(payload);
      const { vcardBytes } = host.settings.current.limits.account;
      if (Buffer.byteLength(card) > vcardBytes) {
        throw new StanzaError('policy-violation', { text: `a vCard has at most ${vcardBytes} bytes` });
      }
      return cards.put([domain, local], card);
    });
    // Only those who know that the account exists learn why: strangers are told what they are told of no account.
    host.handle({ type: 'set', ns: NS, name: 'vCard', to: 'account' }, () => {
      throw new StanzaError('forbidden');
    });
    host.observe(accountRemoved, ({ jid }) => cards.delete([jid.domain, jid.local]));
  },
};
