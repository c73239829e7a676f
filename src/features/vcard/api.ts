import { Topic } from '../../core/points.ts';
import { Service } from '../../core/service.ts';
import type { JID } from '../../jid.ts';
import type { Element } from '../../xml/element.ts';

/** An image of a user. */
export interface Photo {
  /** As its bytes show, otherwise as the card says: `image/png`. Undefined where neither tells of an image. */
  readonly type: string | undefined;
  readonly data: Buffer;
  /** SHA-1 of the data, in lower case hexadecimal digits: XEP-0153 §3.1, and the identifier of XEP-0084. */
  readonly hash: string;
}

/** The vCards of one host: the one place where the profile of a user is kept. Localparts are prepared ones. */
export interface VCards {
  /** The card as `<vCard xmlns='vcard-temp'/>`; undefined if there is none. */
  get(local: string): Promise<Element | undefined>;
  /**
   * Keeps a card in the place of the old one, or removes it; resolves when durable. Throws StanzaError: `policy-violation`
   * for one that is too large, `not-acceptable` for a photo that is not in base64.
   */
  set(local: string, card: Element | undefined): Promise<void>;
  /** The photo in the card; undefined if there is none. */
  photo(local: string): Promise<Photo | undefined>;
  /** Puts a photo into the card, or takes it out, and leaves the rest as it is; resolves and throws as `set`. */
  setPhoto(local: string, photo: Pick<Photo, 'type' | 'data'> | undefined): Promise<void>;
}

/** Provided where vCards are kept. */
export const vcards = new Service<VCards>('vcards');

/** A card was set, changed or removed, and that is durable. */
export const vcardChanged = new Topic<{
  readonly jid: JID;
  /** Undefined if there is no card any more. */
  readonly card: Element | undefined;
  /** The hash of the photo; empty without one. */
  readonly photo: string;
}>('vcardChanged');
