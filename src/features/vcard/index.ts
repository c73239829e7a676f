import type { Account } from '../../core/account.ts';
import type { Feature, FeatureHost } from '../../core/feature.ts';
import { accountRemoved, accountSends } from '../../core/points.ts';
import type { PortablePart } from '../../core/portable.ts';
import type { Slot } from '../../core/slots.ts';
import { StanzaError } from '../../errors.ts';
import { presences } from '../presence/api.ts';
import { vcardChanged, vcards } from './api.ts';
import { corrected, updated } from './avatar-update.ts';
import { Cards } from './cards.ts';
import { isCard, NS } from './photo.ts';

/** The hash of an account's photo as far as it is known: `unread` until the account first says that it is there. */
type PhotoHash = { readonly hash: string | undefined } | 'unread';

/**
 * Keeps one vCard for each account, as it is; the whole world may read it. What accounts say of their photos in presence is
 * put right. XEP-0054, XEP-0153.
 */
export const vcard: Feature = {
  name: 'vcard',
  specs: [
    { xep: 54, version: '1.3.0' },
    { xep: 153, version: '1.1.1', note: 'the server adds and corrects the hash, by the rules of XEP-0398 §4' },
  ],
  setup(host) {
    const cards = new Cards(host);
    host.provide(vcards, cards);
    host.portable(portableCards(cards));
    host.advertise({ feature: NS });
    serve(host, cards);
    stampPresence(host, cards);
    host.observe(accountRemoved, ({ jid }) => cards.remove(jid.local));
  },
};

function serve(host: FeatureHost, cards: Cards): void {
  async function read(local: string, otherwise: 'item-not-found' | 'service-unavailable') {
    const card = await cards.get(local);
    if (card === undefined) throw new StanzaError(otherwise);
    return card;
  }

  host.handle({ type: 'get', ns: NS, name: 'vCard', to: 'self' }, ({ account }) =>
    read(account.jid.local, 'item-not-found'),
  );
  // §3.3: the same answer as for an account that does not exist.
  host.handle({ type: 'get', ns: NS, name: 'vCard', to: 'account', audience: 'anyone' }, ({ account }) =>
    read(account.jid.local, 'service-unavailable'),
  );
  host.handle({ type: 'set', ns: NS, name: 'vCard', to: 'self' }, ({ account, payload }) =>
    cards.set(account.jid.local, payload),
  );
  // Only those who know that the account exists learn why: strangers are told what they are told of no account.
  host.handle({ type: 'set', ns: NS, name: 'vCard', to: 'account' }, () => {
    throw new StanzaError('forbidden');
  });
}

/** Has presence say what photo there is: as it leaves, and once more when the photo changes. */
function stampPresence(host: FeatureHost, cards: Cards): void {
  const hashes: Slot<Account, PhotoHash> = host.accountSlot((): PhotoHash => 'unread');
  // One read for each account that comes online; a change meanwhile knows better.
  async function read(account: Account): Promise<string | undefined> {
    const hash = await cards.photoHash(account.jid.local);
    const known = hashes.of(account);
    if (known !== 'unread') return known.hash;
    hashes.set(account, { hash });
    return hash;
  }
  host.filter(accountSends, ({ account, stanza }) => {
    if (stanza.kind !== 'presence' || stanza.type !== 'available') return;
    const known = hashes.of(account);
    if (known === 'unread') return read(account).then((hash) => corrected(stanza, hash));
    return corrected(stanza, known.hash);
  });
  host.observe(vcardChanged, ({ jid, card, photo }) => {
    const account = host.account(jid.local);
    if (account === undefined) return;
    hashes.set(account, { hash: card === undefined ? undefined : photo });
    // Found only now: this feature has to see presence before the one that broadcasts it.
    const broadcaster = host.find(presences);
    for (const session of account.availableSessions) {
      const news = session.presence && updated(session.presence, photo);
      if (news !== undefined) broadcaster?.broadcast(account, session, news.copy({ id: undefined }));
    }
  });
}

function portableCards(cards: Cards): PortablePart {
  return {
    name: 'vCards',
    async *export({ local }) {
      const card = await cards.get(local);
      if (card !== undefined) yield card;
    },
    async import({ local }, element, tally) {
      if (!isCard(element)) return false;
      if (await cards.add(local, element)) tally.took();
      else tally.had();
      return true;
    },
  };
}
