import { StanzaError } from '../../errors.ts';
import { JID, JidError } from '../../jid.ts';
import { ownCopy } from '../../util/own-copy.ts';
import { attr, child, children, type Element, el, elements, text } from '../../xml/element.ts';
import type { Complaint } from './api.ts';

export const NS_BLOCKING = 'urn:xmpp:blocking';
export const NS_REPORTING = 'urn:xmpp:reporting:1';
const NS_STANZA_ID = 'urn:xmpp:sid:0';

/** In UTF-16 units; what goes beyond it is cut off. */
const MAX_TEXT = 2048;
/** In UTF-16 units, of reasons, languages, and the parts of identifiers. */
const MAX_NAME = 256;
const MAX_TEXTS = 5;
const MAX_STANZA_IDS = 50;

/** One address of a command, and what is said of it. */
export interface BlockItem {
  readonly jid: JID;
  /** Undefined where nothing is reported. */
  readonly complaint: Complaint | undefined;
}

/**
 * Reads the items of a command; none where there is nothing in it at all. XEP-0191 §3.3, §3.4.
 * @throws StanzaError `bad-request`, `jid-malformed`.
 */
export function parseItems(command: Element): readonly BlockItem[] {
  const items = children(command, 'item');
  // What is not understood must not be taken for an empty command, which unblocks all.
  if (items.length === 0 && elements(command).length > 0) {
    throw new StanzaError('bad-request', { text: `${command.name} has items and nothing else` });
  }
  return items.map((item) => ({ jid: addressOf(item), complaint: complaintOf(item) }));
}

/** Reads the address of an item. Throws StanzaError `bad-request`, `jid-malformed`. */
export function addressOf(item: Element): JID {
  const address = attr(item, 'jid');
  if (address === undefined) throw new StanzaError('bad-request', { text: 'the item has no address' });
  try {
    return JID.parse(address);
  } catch (error) {
    if (error instanceof JidError) throw new StanzaError('jid-malformed', { text: error.message, cause: error });
    throw error;
  }
}

// A block with a report succeeds and fails as one without: what is wrong with a report is no reason to refuse. XEP-0377 §6.
function complaintOf(item: Element): Complaint | undefined {
  const report = child(item, 'report', NS_REPORTING);
  if (report === undefined) return undefined;
  const reason = short(attr(report, 'reason'));
  if (reason === '') return undefined;
  return {
    reason,
    texts: children(report, 'text').slice(0, MAX_TEXTS).map(textOf),
    stanzaIds: children(report, 'stanza-id', NS_STANZA_ID)
      .slice(0, MAX_STANZA_IDS)
      .map((element) => ({ by: short(attr(element, 'by')), id: short(attr(element, 'id')) })),
    allowsOrigin: child(report, 'report-origin') !== undefined,
    allowsThirdParties: child(report, 'third-party') !== undefined,
  };
}

function textOf(element: Element): Complaint['texts'][number] {
  const lang = short(attr(element, 'xml:lang'));
  return { lang: lang === '' ? undefined : lang, text: ownCopy(text(element).trim().slice(0, MAX_TEXT)) };
}

function short(value: string | undefined): string {
  return ownCopy((value ?? '').slice(0, MAX_NAME));
}

/** Writes a list of addresses: the answer to a client that asks for it, or what clients are told has changed. */
export function itemsElement(name: 'blocklist' | 'block' | 'unblock', items: Iterable<JID | string>): Element {
  return el(name, { xmlns: NS_BLOCKING }, ...Array.from(items, (jid) => el('item', { jid: jid.toString() })));
}
