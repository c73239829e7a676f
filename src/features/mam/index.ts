import { integer, orNull } from '../../config/kinds.ts';
import { type ConfigOf, option, section } from '../../config/schema.ts';
import type { Account } from '../../core/account.ts';
import type { Feature, FeatureHost } from '../../core/feature.ts';
import {
  accountDelivers,
  accountReceives,
  accountRemoved,
  accountSends,
  type Passage,
  type Verdict,
} from '../../core/points.ts';
import { can } from '../../core/roles.ts';
import { StanzaError } from '../../errors.ts';
import type { JID } from '../../jid.ts';
import { is, type Message } from '../../stanza.ts';
import type { Awaitable } from '../../util/awaitable.ts';
import { flat } from '../../util/own-copy.ts';
import { type Element, el } from '../../xml/element.ts';
import { adHoc } from '../adhoc/api.ts';
import { rosters } from '../roster/api.ts';
import { isStorable } from '../shared/storable.ts';
import { fin, metadata, resultMessage } from './answers.ts';
import { archiveKeeping, messageArchives } from './api.ts';
import type { Archive } from './archive.ts';
import { Archives } from './archives.ts';
import { portableArchive, portablePreferences } from './portable.ts';
import { preferenceCommand } from './preference-command.ts';
import { EVERYTHING, isWanted, parsePreferences, preferencesElement } from './preferences.ts';
import { NS_MAM, parseQuery, queryForm } from './query.ts';
import { Readers } from './readers.ts';
import { Retention } from './retention.ts';
import { search } from './search.ts';
import { NS_SID, stanzaIdOf, withoutStanzaId } from './stanza-id.ts';
import { NS_RETRACT, retractedBy, Tombstones } from './tombstones.ts';

const NS_CARBONS = 'urn:xmpp:carbons:2';
/** So many UTF-16 units of stanzas are sent for one query. */
const MAX_PAGE_SIZE = 256 * 1024;

const config = section('The message archive: every device finds there what it has missed (XEP-0313).', {
  keepDays: option(orNull(integer(1, 36_500)), {
    default: null,
    doc: 'For how many days messages are kept; `null` for ever. Hosts may have another rule (`hosts.*.archiveDays`), and accounts (`parley archive keep`).',
    reload: 'restart',
  }),
  pageSize: option(integer(1, 1000), {
    default: 50,
    doc: 'How many messages a client is sent at once when it does not say how many it wants.',
    reload: 'restart',
  }),
  maxPageSize: option(integer(1, 1000), {
    default: 250,
    doc: 'How many messages a client is sent at once at most, however many it wants.',
    reload: 'restart',
  }),
});

export type MamConfig = ConfigOf<typeof config>;

/** Keeps what accounts send and receive, and lets their clients read it. XEP-0313, XEP-0441, XEP-0359, XEP-0424. */
export const mam: Feature<MamConfig> = {
  name: 'mam',
  specs: [
    { xep: 59, version: '1.0' },
    { xep: 313, version: '1.1.3' },
    { xep: 359, version: '0.7.0' },
    { xep: 424, version: '0.4.2', note: 'tombstones in archives' },
    { xep: 441, version: '0.2.0' },
  ],
  config,
  needs: [rosters],
  setup(host, options) {
    const archives = new Archives(host);
    const readers = new Readers(host);
    for (const feature of [NS_MAM, `${NS_MAM}#extended`, `${NS_MAM}#groupchat-field`, NS_SID]) {
      host.advertise({ feature }, 'account');
    }
    for (const feature of [NS_SID, NS_RETRACT, `${NS_RETRACT}#tombstone`]) host.advertise({ feature }, 'host');
    for (const feature of [NS_RETRACT, `${NS_RETRACT}#tombstone`]) host.advertise({ feature }, 'account');
    keep(host, archives);
    vouch(host, archives);
    serve(host, archives, readers, options);
    serveBinding(host, archives, readers);
    host.provide(archiveKeeping, new Retention(host, archives, options.keepDays));
    host.provide(messageArchives, {
      isReader: (session) => readers.has(session),
      async holds(account, message) {
        const id = stanzaIdOf(message, account);
        return id !== undefined && (await archives.of(account).get(id)) !== undefined;
      },
    });
    host.find(adHoc)?.add(preferenceCommand(archives));
    host.portable(portableArchive(archives, host.clock));
    host.portable(portablePreferences(archives));
    host.observe(accountRemoved, async ({ jid }) => {
      await archives.remove(jid);
      await readers.remove(jid);
    });
  },
};

/** Archives what passes. */
function keep(host: FeatureHost, archives: Archives): void {
  const contacts = host.use(rosters);
  const tombstones = new Tombstones();

  host.filter(accountSends, (passage) => {
    const { stanza, account } = passage;
    if (stanza.kind !== 'message') return;
    // What an account sends to itself is archived when it arrives: once.
    if (stanza.to === undefined || stanza.to.bare().equals(account.jid)) return;
    return archive(passage, withoutStanzaId(stanza, account.jid), stanza.to);
  });

  host.filter(accountReceives, (passage) => {
    const { stanza, account } = passage;
    if (stanza.kind !== 'message') return;
    const message = withoutStanzaId(stanza, account.jid);
    if (isRefused(message, account)) return message === stanza ? undefined : message;
    return archive(passage, message, stanza.from ?? account.jid);
  });

  function archive(passage: Passage, message: Message, target: JID): Awaitable<Verdict> {
    const { account } = passage;
    // An identifier in our name is forged, also where we add none. XEP-0359 §3.
    const verdict = message === passage.stanza ? undefined : message;
    if (account.isAnonymous || message.type === 'groupchat' || !isStorable(message, 'for-good')) return verdict;
    const into = archives.of(account.jid);
    if (into.isLoaded) {
      append(passage, message, target, into);
      return verdict;
    }
    return into.load().then(() => {
      append(passage, message, target, into);
      return verdict;
    });
  }

  function append(passage: Passage, message: Message, target: JID, into: Archive): void {
    const { account } = passage;
    // Rather one too many than one lost, where nobody knows at the moment who is a contact.
    const isContact = (bare: JID): boolean =>
      !contacts.isKnown(account) || contacts.of(account).items.has(bare.toString());
    if (into.preferences !== undefined && !isWanted(into.preferences, target, isContact)) return;
    const peer = target.bare();
    // One piece of text: thousands may wait for the disk, and would keep alive what they were cut from.
    const { id, stored } = into.append(peer.toString(), flat(message.toString()));
    passage.waitUntil(stored);
    if (retractedBy(message) !== undefined) passage.waitUntil(tombstones.bury(into, peer, message, id));
    passage.annotate(el('stanza-id', { xmlns: NS_SID, by: account.jid.toString(), id }));
  }
}

/** Says of what no session gets that it is in the archive: who has sent it is not told otherwise. XEP-0313 §6. */
function vouch(host: FeatureHost, archives: Archives): void {
  host.filter(accountDelivers, (delivering) => {
    const { stanza, account, recipients, since } = delivering;
    if (recipients.length > 0 || stanza.kind !== 'message') return;
    const id = stanzaIdOf(stanza, account.jid);
    if (id === undefined) return;
    if (since === undefined) return delivering.keep();
    // What comes once more may have gone from the archive meanwhile.
    return archives
      .of(account.jid)
      .get(id)
      .then((found) => (found === undefined ? undefined : delivering.keep()));
  });
}

/** Answers the account's own clients. Nobody else gets any answer that an account without an archive would not give. */
function serve(host: FeatureHost, archives: Archives, readers: Readers, options: MamConfig): void {
  host.handle(
    { type: 'set', ns: NS_MAM, name: 'query', to: 'self', permission: 'communicate' },
    async ({ account, session, payload }) => {
      const query = parseQuery(payload);
      const archive = await open(archives, account);
      const { pageSize: usual, maxPageSize: max } = options;
      const found = await search(archive, query, { usual, max, maxSize: MAX_PAGE_SIZE });
      // One conversation is read to look something up; who reads all of them catches up with what it has missed.
      if (query.with === undefined && query.ids === undefined && !account.isAnonymous) await readers.remember(session);
      const messages = query.isFlipped ? found.messages.toReversed() : found.messages;
      for (const message of messages) host.deliver(session, resultMessage(account.jid, session.jid, query, message));
      return fin(found);
    },
  );
  host.handle({ type: 'get', ns: NS_MAM, name: 'query', to: 'self', permission: 'communicate' }, () => queryForm());
  host.handle(
    { type: 'get', ns: NS_MAM, name: 'metadata', to: 'self', permission: 'communicate' },
    async ({ account }) => describe(await open(archives, account)),
  );
  host.handle({ type: 'get', ns: NS_MAM, name: 'prefs', to: 'self' }, async ({ account }) => {
    const archive = await open(archives, account);
    return preferencesElement(archive.preferences ?? EVERYTHING);
  });
  host.handle({ type: 'set', ns: NS_MAM, name: 'prefs', to: 'self' }, async ({ account, session, payload }) => {
    if (session.login === undefined || !can(session.login.role, 'write-account')) throw new StanzaError('forbidden');
    const preferences = parsePreferences(payload);
    const archive = await open(archives, account);
    await archive.setPreferences(preferences);
    return preferencesElement(preferences);
  });
}

/** A client that binds a resource along with its login learns what there is, and reads what it has missed. XEP-0386 §4. */
function serveBinding(host: FeatureHost, archives: Archives, readers: Readers): void {
  host.inline({
    name: undefined,
    permission: 'communicate',
    async bound({ account, session }): Promise<Element | undefined> {
      if (account.isAnonymous) return undefined;
      readers.expect(session);
      return describe(await open(archives, account));
    },
  });
}

async function describe(archive: Archive): Promise<Element> {
  const first = await archive.first();
  return metadata(first, first && (await archive.last()));
}

async function open(archives: Archives, account: Account): Promise<Archive> {
  const archive = archives.of(account.jid);
  if (!archive.isLoaded) await archive.load();
  return archive;
}

// What is refused later on its way was not received. XEP-0313 §6, RFC 6121 §8.5.3.2, XEP-0280 §11.
function isRefused({ type, to, payload }: Message, { sessions }: Account): boolean {
  const resource = to?.resource ?? '';
  if (resource !== '' && type !== 'chat' && !sessions.has(resource)) return true;
  return payload.elements.some((element) => is(element, 'received', NS_CARBONS) || is(element, 'sent', NS_CARBONS));
}
