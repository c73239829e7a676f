import { StanzaError } from '../../errors.ts';
import { JID, JidError } from '../../jid.ts';
import { beforeEntriesAt } from '../../store/entry-ids.ts';
import type { EntryId } from '../../store/store.ts';
import { attr, child, children, type Element, el, text } from '../../xml/element.ts';
import { parseDateTime } from '../shared/date-time.ts';
import { type PageRequest, pageRequest } from '../shared/rsm.ts';

/** The namespace of archives. XEP-0313. */
export const NS_MAM = 'urn:xmpp:mam:2';
const NS_FORM = 'jabber:x:data';
const NS_VALIDATE = 'http://jabber.org/protocol/xdata-validate';

/** So many messages can be asked for by their identifiers at once. */
const MAX_IDS = 250;
/** In UTF-16 units; it is repeated in each result. */
const MAX_QUERY_ID = 256;

/** What a client wants of an archive. XEP-0313 §4, §5. */
export interface Query {
  /** Chosen by the client, to tell its queries apart. */
  readonly queryId: string | undefined;
  /** Only what was exchanged with this address: a bare JID stands for all its resources. */
  readonly with: JID | undefined;
  /** Only what came at or after this bound, as identifiers sort. */
  readonly start: EntryId | undefined;
  /** Only what came before this bound. */
  readonly end: EntryId | undefined;
  /** Messages that must exist: only what came after, or before them. */
  readonly afterId: EntryId | undefined;
  readonly beforeId: EntryId | undefined;
  /** Only these, which must exist. */
  readonly ids: readonly EntryId[] | undefined;
  readonly page: PageRequest;
  /** The results of the page are sent from the last to the first. */
  readonly isFlipped: boolean;
}

const FIELDS = new Set(['FORM_TYPE', 'with', 'start', 'end', 'before-id', 'after-id', 'ids', 'include-groupchat']);

/**
 * Reads a query.
 * @throws StanzaError `bad-request` for what is malformed, `feature-not-implemented` for a field that we do not know (§4.2).
 */
export function parseQuery(query: Element): Query {
  const fields = formFields(query);
  const ids = filled(fields, 'ids');
  if (ids !== undefined && ids.length > MAX_IDS) {
    throw new StanzaError('policy-violation', { text: `no more than ${MAX_IDS} messages at once` });
  }
  const queryId = attr(query, 'queryid');
  if (queryId !== undefined && queryId.length > MAX_QUERY_ID) throw malformed('queryid');
  const start = time(fields, 'start');
  const end = time(fields, 'end');
  return {
    queryId,
    with: address(fields),
    start: start === undefined ? undefined : beforeEntriesAt(start),
    // Up to and with that millisecond.
    end: end === undefined ? undefined : beforeEntriesAt(Math.floor(end) + 1),
    afterId: single(fields, 'after-id'),
    beforeId: single(fields, 'before-id'),
    ids,
    page: pageRequest(query),
    isFlipped: child(query, 'flip-page') !== undefined,
  };
}

/** The fields that a query may have, as a form. XEP-0313 §4.1.5. */
export function queryForm(): Element {
  const field = (name: string, type: string, ...content: Element[]): Element =>
    el('field', { var: name, type }, ...content);
  return el(
    'query',
    { xmlns: NS_MAM },
    el(
      'x',
      { xmlns: NS_FORM, type: 'form' },
      field('FORM_TYPE', 'hidden', el('value', {}, NS_MAM)),
      field('with', 'jid-single'),
      field('start', 'text-single'),
      field('end', 'text-single'),
      field('before-id', 'text-single'),
      field('after-id', 'text-single'),
      field('ids', 'list-multi', el('validate', { xmlns: NS_VALIDATE, datatype: 'xs:string' }, el('open'))),
      field('include-groupchat', 'boolean'),
    ),
  );
}

function formFields(query: Element): ReadonlyMap<string, readonly string[]> {
  const form = child(query, 'x', NS_FORM);
  const fields = new Map<string, string[]>();
  if (form === undefined) return fields;
  if (attr(form, 'type') !== 'submit') throw new StanzaError('bad-request', { text: 'the form is not submitted' });
  for (const field of children(form, 'field')) {
    const name = attr(field, 'var') ?? '';
    if (!FIELDS.has(name)) throw new StanzaError('feature-not-implemented', { text: `there is no field ${name}` });
    fields.set(name, children(field, 'value').map(text));
  }
  // XEP-0068 §3.
  if (fields.get('FORM_TYPE')?.[0] !== NS_MAM) throw malformed('FORM_TYPE');
  return fields;
}

// A field without a value, or with an empty one, was not filled in.
function filled(fields: ReadonlyMap<string, readonly string[]>, name: string): readonly string[] | undefined {
  const values = fields.get(name)?.filter((value) => value !== '');
  return values?.length === 0 ? undefined : values;
}

function single(fields: ReadonlyMap<string, readonly string[]>, name: string): string | undefined {
  return filled(fields, name)?.[0];
}

function time(fields: ReadonlyMap<string, readonly string[]>, name: string): number | undefined {
  const value = single(fields, name)?.trim();
  if (value === undefined) return undefined;
  const ms = parseDateTime(value);
  if (ms === undefined) throw malformed(name);
  return ms;
}

function address(fields: ReadonlyMap<string, readonly string[]>): JID | undefined {
  const value = single(fields, 'with');
  if (value === undefined) return undefined;
  try {
    return JID.parse(value);
  } catch (error) {
    if (error instanceof JidError) throw new StanzaError('jid-malformed', { text: error.message });
    throw error;
  }
}

function malformed(name: string): StanzaError {
  return new StanzaError('bad-request', { text: `${name} is malformed` });
}
