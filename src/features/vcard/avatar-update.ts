import { is, type Presence } from '../../stanza.ts';
import { child, type Element, el, text } from '../../xml/element.ts';

const NS_UPDATE = 'vcard-temp:x:update';

/**
 * The same available presence with the right hash of the account's photo; undefined when it is right as it is. XEP-0398 §4:
 * an empty `<photo/>` is the client's wish to show none, whatever else is wrong or missing is put right. `hash` is empty for
 * a card without a photo and undefined without a card: then nothing is said that the client does not say.
 */
export function corrected(presence: Presence, hash: string | undefined): Presence | undefined {
  const update = presence.payload.child('x', NS_UPDATE);
  if (update === undefined) return hash === undefined ? undefined : withHash(presence, hash);
  const said = saidIn(update);
  const isRight = said === '' ? child(update, 'photo') !== undefined : said === hash;
  return isRight ? undefined : withHash(presence, hash ?? '');
}

/** The same presence with the hash of another photo, whatever it said before; undefined when that was the same. */
export function updated(presence: Presence, hash: string): Presence | undefined {
  const update = presence.payload.child('x', NS_UPDATE);
  // Who has said nothing of a photo has none.
  return saidIn(update) === hash ? undefined : withHash(presence, hash);
}

function saidIn(update: Element | undefined): string {
  return text(update && child(update, 'photo'))
    .trim()
    .toLowerCase();
}

function withHash(presence: Presence, hash: string): Presence {
  const photo = hash === '' ? el('photo') : el('photo', {}, hash);
  const rest = presence.payload.without((element) => is(element, 'x', NS_UPDATE));
  return presence.copy({ payload: rest.with(el('x', { xmlns: NS_UPDATE }, photo)) });
}
