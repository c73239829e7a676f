import type { PortablePart, Tally } from '../../core/portable.ts';
import { StanzaError } from '../../errors.ts';
import type { JID } from '../../jid.ts';
import { is } from '../../stanza.ts';
import { children, type Element } from '../../xml/element.ts';
import type { BlockLists } from './lists.ts';
import { addressOf, itemsElement, NS_BLOCKING } from './wire.ts';

/** Block lists, for when accounts move: as a client that asks for its own is answered. */
export function portableLists(lists: BlockLists): PortablePart {
  return {
    name: 'blocked addresses',
    async *export(account) {
      const list = await lists.read(account);
      if (list !== undefined) yield itemsElement('blocklist', list.items);
    },
    async import(account, element, tally) {
      if (!is(element, 'blocklist', NS_BLOCKING)) return false;
      const known = (await lists.read(account))?.items;
      const news: JID[] = [];
      for (const jid of readable(element, tally)) {
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

function* readable(list: Element, tally: Tally): Iterable<JID> {
  for (const item of children(list, 'item')) {
    try {
      yield addressOf(item);
    } catch (error) {
      if (!(error instanceof StanzaError)) throw error;
      tally.skipped('a blocked address', error.text ?? error.condition);
    }
  }
}
