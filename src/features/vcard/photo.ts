import { createHash } from 'node:crypto';
import { StanzaError } from '../../errors.ts';
import { attr, child, children, type Element, el, elements, text } from '../../xml/element.ts';
import type { Photo } from './api.ts';

export const NS = 'vcard-temp';

const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const IMAGE_TYPE = /^image\/[\w.+-]{1,64}$/i;

/** How files of the usual types begin, as latin1. */
const BEGINNINGS: readonly (readonly [type: string, beginning: RegExp])[] = [
  ['image/png', /^\x89PNG\r\n/],
  ['image/jpeg', /^\xff\xd8\xff/],
  ['image/gif', /^GIF8[79]a/],
  ['image/webp', /^RIFF.{4}WEBP/s],
];
const BEGINNING_BYTES = 12;

/** Reads the photo of a card; undefined if there is none. Throws StanzaError for one that is not in base64. XEP-0153 §4.4, §4.5. */
export function photoOf(card: Element): Photo | undefined {
  for (const photo of children(card, 'PHOTO')) {
    const encoded = text(child(photo, 'BINVAL')).replace(/\s+/g, '');
    if (encoded === '') continue;
    if (!BASE64.test(encoded) || encoded.replace(/=+$/, '').length % 4 === 1) {
      throw new StanzaError('not-acceptable', { text: 'the photo is not in base64' });
    }
    const data = Buffer.from(encoded, 'base64');
    return { data, type: imageType(data, text(child(photo, 'TYPE')).trim()), hash: hashOf(data) };
  }
  return undefined;
}

/** The hash of the photo of a card; empty if there is none. */
export function photoHash(card: Element | undefined): string {
  return card === undefined ? '' : (photoOf(card)?.hash ?? '');
}

/** The same card with another photo, or without one. */
export function withPhoto(card: Element | undefined, photo: Pick<Photo, 'type' | 'data'> | undefined): Element {
  const rest = card === undefined ? [] : elements(card).filter(({ name }) => name !== 'PHOTO');
  const attrs = { ...card?.attrs, xmlns: NS };
  if (photo === undefined) return el('vCard', attrs, ...rest);
  const type = photo.type === undefined ? undefined : el('TYPE', {}, photo.type);
  return el('vCard', attrs, ...rest, el('PHOTO', {}, type, el('BINVAL', {}, photo.data.toString('base64'))));
}

/** Whether an element is a card. */
export function isCard(element: Element): boolean {
  return element.name === 'vCard' && attr(element, 'xmlns') === NS;
}

// What the card says is a hint only: XEP-0153 §5.
function imageType(data: Buffer, said: string): string | undefined {
  const beginning = data.toString('latin1', 0, BEGINNING_BYTES);
  const [shown] = BEGINNINGS.find(([, pattern]) => pattern.test(beginning)) ?? [];
  return shown ?? (IMAGE_TYPE.test(said) ? said.toLowerCase() : undefined);
}

function hashOf(data: Buffer): string {
  return createHash('sha1').update(data).digest('hex');
}
