import { StanzaError } from '../../errors.ts';
import { child, type Element, el, text } from '../../xml/element.ts';

const NS = 'http://jabber.org/protocol/rsm';
/** In UTF-16 units; no identifier of ours is nearly as long. */
const MAX_ID = 1024;

/** Which page of a result set is asked for. XEP-0059 §2. */
export interface PageRequest {
  /** How many items at most; undefined when the client leaves that to us. 0 asks for the count only (§2.7). */
  readonly max: number | undefined;
  /** The page follows this item. */
  readonly after: string | undefined;
  /** The page precedes this item, or is the last one when empty. */
  readonly before: string | undefined;
}

/** Which page of a result set is answered with. */
export interface PageAnswer {
  /** The first and last item of the page; undefined when it is empty. */
  readonly first: string | undefined;
  readonly last: string | undefined;
  /** The place of the first item in the whole set, from 0. */
  readonly index: number | undefined;
  /** How many items the whole set has. */
  readonly count: number | undefined;
}

/**
 * Reads the `<set/>` of a request; without one, everything is left to us.
 * @throws StanzaError `bad-request` for what is no number or too long, `feature-not-implemented` for a page by its index.
 */
export function pageRequest(parent: Element): PageRequest {
  const set = child(parent, 'set', NS);
  if (set === undefined) return { max: undefined, after: undefined, before: undefined };
  if (child(set, 'index') !== undefined) {
    throw new StanzaError('feature-not-implemented', { text: 'pages cannot be asked for by their index' });
  }
  const [after, before] = [idOf(set, 'after'), idOf(set, 'before')];
  if (after !== undefined && before !== undefined) {
    throw new StanzaError('bad-request', { text: 'a page is either before or after an item' });
  }
  return { max: maxOf(set), after: after === '' ? undefined : after, before };
}

/** Makes the `<set/>` of an answer. XEP-0059 §2.1, §2.6. */
export function pageSet({ first, last, index, count }: PageAnswer): Element {
  return el(
    'set',
    { xmlns: NS },
    first === undefined ? undefined : el('first', { index: index === undefined ? undefined : String(index) }, first),
    last === undefined ? undefined : el('last', {}, last),
    count === undefined ? undefined : el('count', {}, String(count)),
  );
}

function maxOf(set: Element): number | undefined {
  const max = child(set, 'max');
  if (max === undefined) return undefined;
  const digits = text(max).trim();
  if (!/^\d{1,10}$/.test(digits)) throw new StanzaError('bad-request', { text: 'max is not a number' });
  return Number(digits);
}

function idOf(set: Element, name: 'after' | 'before'): string | undefined {
  const element = child(set, name);
  if (element === undefined) return undefined;
  const id = text(element);
  if (id.length > MAX_ID) throw new StanzaError('bad-request', { text: `${name} is too long` });
  return id;
}
