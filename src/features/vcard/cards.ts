import type { FeatureHost } from '../../core/feature.ts';
import { StanzaError } from '../../errors.ts';
import { JID } from '../../jid.ts';
import type { Key, Table } from '../../store/store.ts';
import { type Element, elements, serialize } from '../../xml/element.ts';
import { parseElement } from '../../xml/parser.ts';
import { storedText } from '../shared/stored.ts';
import { type Photo, type VCards, vcardChanged } from './api.ts';
import { photoHash, photoOf, withPhoto } from './photo.ts';

/** The cards of one host as they are stored, and beside each the hash of its photo. */
export class Cards implements VCards {
  readonly #host: FeatureHost;
  readonly #cards: Table<string>;
  /** What the photo of each card hashes to; empty for a card without one. */
  readonly #photos: Table<string>;

  constructor(host: FeatureHost) {
    this.#host = host;
    this.#cards = host.table({ name: 'vcard', parse: storedText });
    this.#photos = host.table({ name: 'vcard.photo', parse: storedText });
  }

  async get(local: string): Promise<Element | undefined> {
    const card = await this.#cards.get(...this.#keyOf(local));
    return card === undefined ? undefined : parseElement(card);
  }

  set(local: string, card: Element | undefined): Promise<void> {
    return this.#change(local, () => card);
  }

  async photo(local: string): Promise<Photo | undefined> {
    const card = await this.get(local);
    return card && photoOf(card);
  }

  setPhoto(local: string, photo: Pick<Photo, 'type' | 'data'> | undefined): Promise<void> {
    return this.#change(local, (card) => {
      return card === undefined && photo === undefined ? undefined : withPhoto(card, photo);
    });
  }

  /** The hash of an account's photo; empty for a card without one, undefined without a card. */
  async photoHash(local: string): Promise<string | undefined> {
    const key = this.#keyOf(local);
    const known = await this.#photos.get(...key);
    if (known !== undefined) return known;
    if ((await this.#cards.get(...key)) === undefined) return undefined;
    // A card from before hashes were kept, or from before a photo had to be in base64; it may be another one by now.
    let hash: string | undefined;
    await this.#host.store.commit((batch) => {
      batch.update(this.#cards, key, (card) => {
        hash = card === undefined ? undefined : tolerantHash(parseElement(card));
        return card;
      });
      batch.update(this.#photos, key, () => hash);
    });
    return hash;
  }

  /** Keeps a card for an account that has none; false if it has one. */
  async add(local: string, card: Element): Promise<boolean> {
    let isAdded = false;
    await this.#change(local, (old) => {
      isAdded = old === undefined;
      return old ?? card;
    });
    return isAdded;
  }

  /** Forgets what is kept of an account that is removed. */
  async remove(local: string): Promise<void> {
    const key = this.#keyOf(local);
    await this.#host.store.commit((batch) => {
      batch.delete(this.#cards, key);
      batch.delete(this.#photos, key);
    });
  }

  async #change(local: string, change: (old: Element | undefined) => Element | undefined): Promise<void> {
    const key = this.#keyOf(local);
    const outcome: Outcome = { isChanged: false, card: undefined, photo: '' };
    await this.#host.store.commit((batch) => {
      batch.update(this.#cards, key, (old) => {
        const before = old === undefined ? undefined : parseElement(old);
        const card = change(before);
        if (card === before) return old;
        outcome.isChanged = true;
        // An empty card is none.
        if (card === undefined || elements(card).length === 0) return undefined;
        outcome.card = card;
        outcome.photo = photoHash(card);
        return this.#text(card);
      });
      batch.update(this.#photos, key, (old) => {
        if (!outcome.isChanged) return old;
        return outcome.card === undefined ? undefined : outcome.photo;
      });
    });
    const { isChanged, card, photo } = outcome;
    if (isChanged) this.#host.announce(vcardChanged, { jid: JID.of(local, this.#host.domain), card, photo });
  }

  /** A card as it is stored. Throws StanzaError `policy-violation` for one that is too large. */
  #text(card: Element): string {
    const xml = serialize(card);
    const { vcardBytes } = this.#host.settings.current.limits.account;
    if (Buffer.byteLength(xml) <= vcardBytes) return xml;
    throw new StanzaError('policy-violation', { text: `a vCard has at most ${vcardBytes} bytes` });
  }

  #keyOf(local: string): Key {
    return [this.#host.domain, local];
  }
}

/** What became of a card. */
interface Outcome {
  isChanged: boolean;
  card: Element | undefined;
  photo: string;
}

function tolerantHash(card: Element): string {
  try {
    return photoHash(card);
  } catch (error) {
    if (error instanceof StanzaError) return '';
    throw error;
  }
}
