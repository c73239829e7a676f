import type { FeatureHost } from '../../core/feature.ts';
import type { PortablePart, Tally } from '../../core/portable.ts';
import { StanzaError } from '../../errors.ts';
import { JID } from '../../jid.ts';
import { is, Payload, parseStanza } from '../../stanza.ts';
import { newId } from '../../util/ids.ts';
import { ownCopy } from '../../util/own-copy.ts';
import { attr, children, type Element, el } from '../../xml/element.ts';
import { parseElement } from '../../xml/parser.ts';
import type { RosterItem } from './api.ts';
import { NS_ROSTER, parseItem, rosterElement } from './items.ts';
import { LiveRoster, MAX_REQUESTS } from './roster.ts';
import type { StoredRosters } from './stored-rosters.ts';

/** What is kept of an unanswered request; one that is longer is kept without its content. */
const MAX_REQUEST_BYTES = 2048;

/** Contacts with their subscriptions, and the requests that were not answered. XEP-0227 §4.4, §4.9. */
export function portableRoster(host: FeatureHost, stored: StoredRosters): PortablePart {
  return {
    name: 'contacts and requests',
    async *export(account) {
      const roster = await stored.read(account);
      if (roster.items.size > 0) yield el('query', { xmlns: NS_ROSTER }, ...rosterElement(roster).children);
      for (const request of roster.requests.values()) yield parseElement(request);
    },
    async import(account, element, tally) {
      const isRequest = is(element, 'presence') && attr(element, 'type') === 'subscribe';
      if (!isRequest && !is(element, 'query', NS_ROSTER)) return false;
      await stored.merge(account, (roster) => {
        if (isRequest) return withRequest(roster, account, element, tally);
        const { rosterItems } = host.settings.current.limits.account;
        return withItems(roster, account, element, rosterItems, tally);
      });
      return true;
    },
  };
}

function withItems(roster: LiveRoster, account: JID, query: Element, maxItems: number, tally: Tally): LiveRoster {
  const items = new Map(roster.items);
  for (const element of children(query, 'item')) {
    const what = `the contact ${attr(element, 'jid') ?? 'without an address'}`;
    try {
      const item = parseItem(element);
      const key = ownCopy(item.jid.toString());
      if (items.has(key)) tally.had();
      else if (item.jid.equals(account)) tally.skipped(what, 'an account is no contact of its own');
      else if (items.size >= maxItems) tally.skipped(what, `the roster may have no more than ${maxItems} items`);
      else {
        items.set(key, { ...item, jid: JID.parse(key) } satisfies RosterItem);
        tally.took();
      }
    } catch (error) {
      if (!(error instanceof StanzaError)) throw error;
      tally.skipped(what, error.text ?? error.condition);
    }
  }
  return items.size === roster.items.size ? roster : new LiveRoster(newId(), items, roster.requests);
}

function withRequest(roster: LiveRoster, account: JID, element: Element, tally: Tally): LiveRoster {
  const what = `the request of ${attr(element, 'from') ?? 'nobody'}`;
  const request = parseStanza(element, undefined);
  const contact = request.from?.bare();
  const { item, request: old } = contact === undefined ? {} : roster.relation(contact);
  const isAnswered = item?.subscription === 'from' || item?.subscription === 'both';
  if (contact === undefined || contact.equals(account)) tally.skipped(what, 'it is from nobody else');
  else if (old !== undefined || isAnswered) tally.had();
  else if (roster.requests.size >= MAX_REQUESTS) tally.skipped(what, `${MAX_REQUESTS} others are waiting`);
  else {
    const whole = request.copy({ from: contact, to: account });
    const isLong = Buffer.byteLength(whole.toString()) > MAX_REQUEST_BYTES;
    tally.took();
    return roster.with(contact, {
      item,
      request: (isLong ? whole.copy({ payload: Payload.EMPTY }) : whole).toString(),
    });
  }
  return roster;
}
