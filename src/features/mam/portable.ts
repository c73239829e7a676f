import { createHash } from 'node:crypto';
import type { PortablePart, Tally } from '../../core/portable.ts';
import { StanzaError } from '../../errors.ts';
import type { JID } from '../../jid.ts';
import { is, type Message, parseStanza } from '../../stanza.ts';
import { entryIdAt, isEntryId, timeOfEntry } from '../../store/entry-ids.ts';
import type { EntryId } from '../../store/store.ts';
import type { Clock } from '../../util/clock.ts';
import { attr, child, type Element, el, elements } from '../../xml/element.ts';
import { parseElement } from '../../xml/parser.ts';
import { dateTime } from '../shared/date-time.ts';
import type { ArchivedMessage } from './archive.ts';
import type { Archives } from './archives.ts';
import { parsePreferences, preferencesElement } from './preferences.ts';
import { NS_MAM } from './query.ts';
import { withoutStanzaId } from './stanza-id.ts';
import { standalone } from './stored-stanza.ts';

const NS_PIE = 'urn:xmpp:pie:0#mam';
const NS_FORWARD = 'urn:xmpp:forward:0';
const NS_DELAY = 'urn:xmpp:delay';
const PAGE = 250;

/** Message archives, for when accounts move: as the results of a query. XEP-0227 §4.9. */
export function portableArchive(archives: Archives, clock: Clock): PortablePart {
  const places = new Places();
  return {
    name: 'messages of the archive',
    container: { name: 'archive', ns: NS_PIE },
    async *export(account) {
      const archive = await archives.open(account);
      let after: EntryId | undefined;
      for (let complete = false; !complete; ) {
        const slice = await archive.read({ after, before: undefined }, { limit: PAGE, reverse: false });
        complete = slice.complete;
        after = slice.messages.at(-1)?.id;
        for (const message of slice.messages) yield resultElement(message);
      }
    },
    async import(account, result, tally: Tally) {
      if (!is(result, 'result', NS_MAM)) return false;
      const { message: original, at } = readResult(result);
      if (at < 0) throw new StanzaError('bad-request', { text: 'it is from before 1970' });
      if (at > clock.now()) throw new StanzaError('bad-request', { text: 'it is from the future' });
      // The archive that it was in has given it another one.
      const message = withoutStanzaId(original, account);
      const id = places.of(tally, at, attr(result, 'id') ?? '');
      const peer = otherSide(message, account, tally.formerJid).bare().toString();
      if (await archives.of(account).insert(id, peer, message.toString())) tally.took();
      else tally.had();
      return true;
    },
    // Numbers what came, so that no client waits for that later.
    finish: async (account) => void (await archives.open(account)),
  };
}

/** Whose messages an account wants archived. XEP-0441. */
export function portablePreferences(archives: Archives): PortablePart {
  return {
    name: 'preferences of the archive',
    async *export(account) {
      const { preferences } = await archives.open(account);
      if (preferences !== undefined) yield preferencesElement(preferences);
    },
    async import(account, element, tally) {
      if (!is(element, 'prefs', NS_MAM)) return false;
      const wanted = parsePreferences(element);
      const archive = await archives.open(account);
      if (archive.preferences !== undefined) tally.had();
      else {
        await archive.setPreferences(wanted);
        tally.took();
      }
      return true;
    },
  };
}

/** Finds the identifiers for messages from elsewhere: the same each time, and in the order of the document. */
class Places {
  // There is a tally for each account and each import: a second one begins anew.
  readonly #last = new WeakMap<Tally, { readonly at: number; readonly count: number }>();

  of(tally: Tally, at: number, foreignId: string): EntryId {
    if (isEntryId(foreignId) && timeOfEntry(foreignId) === at) return foreignId;
    const last = this.#last.get(tally);
    // Other servers tell times to the second: many messages have the same one.
    const count = last?.at === at ? last.count + 1 : 0;
    this.#last.set(tally, { at, count });
    return entryIdAt(at, count, createHash('sha256').update(foreignId).digest().readUInt32BE());
  }
}

// Parsed as a whole: so the message is of the namespace of streams, and says so inside of others.
function resultElement({ id, xml }: ArchivedMessage): Element {
  const delay = `<delay xmlns="${NS_DELAY}" stamp="${dateTime(timeOfEntry(id))}"/>`;
  const forwarded = `<forwarded xmlns="${NS_FORWARD}">${delay}${standalone(xml)}</forwarded>`;
  return parseElement(`<result xmlns="${NS_MAM}" id="${id}">${forwarded}</result>`);
}

function readResult(result: Element): { readonly message: Message; readonly at: number } {
  const forwarded = child(result, 'forwarded', NS_FORWARD);
  const delay = forwarded && child(forwarded, 'delay', NS_DELAY);
  const at = Date.parse((delay && attr(delay, 'stamp')) ?? '');
  if (Number.isNaN(at)) throw new StanzaError('bad-request', { text: 'it does not say when it came' });
  const inner = forwarded && elements(forwarded).find(({ name }) => name === 'message');
  const stanza = inner && parseStanza(withoutNamespace(inner), undefined);
  if (stanza?.kind !== 'message') throw new StanzaError('bad-request', { text: 'there is no message in it' });
  return { message: stanza, at };
}

function withoutNamespace(message: Element): Element {
  const { xmlns: _, ...attrs } = message.attrs;
  return el('message', attrs, ...message.children);
}

function otherSide({ from, to }: Message, account: JID, formerJid: JID): JID {
  const isOwn = from === undefined || from.bare().equals(account) || from.bare().equals(formerJid);
  return (isOwn ? to : from) ?? account;
}
