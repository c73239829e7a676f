import type { PortablePart, Tally } from '../../core/portable.ts';
import { StanzaError } from '../../errors.ts';
import type { JID } from '../../jid.ts';
import { is } from '../../stanza.ts';
import { attr, child, children, type Element, el, elements } from '../../xml/element.ts';
import type { BlockLists } from './lists.ts';
import { addressOf, itemsElement, NS_BLOCKING } from './wire.ts';

/** Privacy lists, which other servers keep blocked addresses in. XEP-0016, XEP-0227 §4.8. */
const NS_PRIVACY = 'jabber:iq:privacy';

/** Block lists, for when accounts move: as a client that asks for its own is answered. */
export function portableLists(lists: BlockLists): PortablePart {
  return {
    name: 'blocked addresses',
    async *export(account) {
      const list = await lists.read(account);
      if (list !== undefined) yield itemsElement('blocklist', list.items);
    },
    async import(account, element, tally) {
      const isPrivacy = is(element, 'query', NS_PRIVACY);
      if (!isPrivacy && !is(element, 'blocklist', NS_BLOCKING)) return false;
      const known = (await lists.read(account))?.items;
      const news: JID[] = [];
      const items = isPrivacy ? deniedBy(element, tally) : children(element, 'item');
      for (const jid of readable(items, tally)) {
        if (known?.has(jid.toString()) === true) tally.had();
        else if (jid.bare().equals(account)) tally.skipped(`the block of ${jid}`, 'an account cannot block itself');
        else news.push(jid);
      }
      if (news.length > 0) await lists.block(account, news);
      for (const _ of news) tally.took();
      return true;
    },
  };
}

/** The items of the list in force that deny everything to an address, as items of a block list; what else it says is not kept. */
function* deniedBy(privacy: Element, tally: Tally): Iterable<Element> {
  const active = child(privacy, 'default');
  const name = active && attr(active, 'name');
  const list = children(privacy, 'list').find((candidate) => name !== undefined && attr(candidate, 'name') === name);
  for (const item of list === undefined ? [] : children(list, 'item')) {
    const isOfAddress = attr(item, 'type') === 'jid' && attr(item, 'action') === 'deny';
    // With children it denies some kinds of stanzas only.
    if (isOfAddress && elements(item).length === 0) yield el('item', { jid: attr(item, 'value') });
    // An order to let everything else through is what holds without a list.
    else if (attr(item, 'type') !== undefined || attr(item, 'action') !== 'allow') {
      tally.skipped('a rule of a privacy list', 'only addresses that are denied everything can be blocked');
    }
  }
}

function* readable(items: Iterable<Element>, tally: Tally): Iterable<JID> {
  for (const item of items) {
    try {
      yield addressOf(item);
    } catch (error) {
      if (!(error instanceof StanzaError)) throw error;
      tally.skipped('a blocked address', error.text ?? error.condition);
    }
  }
}
