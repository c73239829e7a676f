import {
  type ApplicationCondition,
  isStanzaErrorCondition,
  isStanzaErrorType,
  StanzaError,
  type StanzaErrorCondition,
} from './errors.ts';
import { JID, JidError } from './jid.ts';
import { ownCopy } from './util/own-copy.ts';
import { attr, type Element, el, elements, escapeAttribute, serialize } from './xml/element.ts';
import { NS_STANZAS } from './xml/ns.ts';
import { parseElement } from './xml/parser.ts';

export type StanzaKind = 'message' | 'presence' | 'iq';

interface StanzaTypes {
  message: 'normal' | 'chat' | 'groupchat' | 'headline' | 'error';
  presence:
    | 'available'
    | 'unavailable'
    | 'subscribe'
    | 'subscribed'
    | 'unsubscribe'
    | 'unsubscribed'
    | 'probe'
    | 'error';
  iq: 'get' | 'set' | 'result' | 'error';
}

const TYPES: { readonly [K in StanzaKind]: ReadonlySet<string> } = {
  message: new Set(['normal', 'chat', 'groupchat', 'headline', 'error']),
  presence: new Set(['unavailable', 'subscribe', 'subscribed', 'unsubscribe', 'unsubscribed', 'probe', 'error']),
  iq: new Set(['get', 'set', 'result', 'error']),
};

/** The type that is meant when the attribute is absent, and that is therefore not written. */
const DEFAULT_TYPE: { readonly [K in StanzaKind]: string } = { message: 'normal', presence: 'available', iq: '' };

/** The content of a stanza: shared by all its copies, never changed, serialised at most once. */
export class Payload {
  static readonly EMPTY = new Payload([], '');
  #elements: readonly Element[] | undefined;
  #text: string | undefined;
  #source: Element | undefined;

  constructor(children: readonly Element[], text?: string) {
    this.#elements = children;
    this.#text = text;
  }

  /** The content of a parsed stanza; `inner` is its text when that can be passed on verbatim. Its elements are built when first read. */
  static of(source: Element, inner: string | undefined): Payload {
    if (inner === '') return Payload.EMPTY;
    const payload = new Payload([], inner);
    payload.#elements = undefined;
    payload.#source = source;
    return payload;
  }

  /** The content that this well-formed text stands for; its elements are built if they are read. */
  static fromText(text: string): Payload {
    if (text === '') return Payload.EMPTY;
    const payload = new Payload([], text);
    payload.#elements = undefined;
    return payload;
  }

  /** The same content for keeping: text in memory of its own, from which elements are built if they are read. */
  compact(): Payload {
    return Payload.fromText(ownCopy(this.text));
  }

  get elements(): readonly Element[] {
    if (this.#elements === undefined) {
      this.#elements = elements(this.#source ?? parseElement(`<payload>${this.#text}</payload>`));
      this.#source = undefined;
    }
    return this.#elements;
  }

  /** The content as XML. */
  get text(): string {
    if (this.#text === undefined) {
      let text = '';
      for (const element of this.elements) text += serialize(element);
      this.#text = text;
    }
    return this.#text;
  }

  /**
   * Whether an element may bear a text, such as a namespace, in a name or an attribute. False only when none does: it is read in the
   * content's text, where a reference may stand for anything, and no element has to be built.
   */
  mayMention(text: string): boolean {
    return this.text.includes(text) || this.text.includes('&');
  }

  /** The first element of this name; `ns` absent means the stream's own namespace. */
  child(name: string, ns?: string): Element | undefined {
    return this.elements.find((element) => is(element, name, ns));
  }

  /** The same content and one more element, at the end. */
  with(element: Element): Payload {
    return new Payload([...this.elements, element], this.text + serialize(element));
  }

  /** The same content without the elements that `drop` chooses; this very payload when there are none. */
  without(drop: (element: Element) => boolean): Payload {
    return this.elements.some(drop) ? new Payload(this.elements.filter((element) => !drop(element))) : this;
  }
}

/** Whether a top-level element of a payload has this name and namespace; `ns` absent means the stream's own. */
export function is(element: Element, name: string, ns?: string): boolean {
  return element.name === name && attr(element, 'xmlns') === ns;
}

interface Envelope<K extends StanzaKind> {
  readonly type: StanzaTypes[K];
  readonly from?: JID | undefined;
  readonly to?: JID | undefined;
  readonly id?: string | undefined;
  readonly lang?: string | undefined;
  readonly payload?: Payload | undefined;
}

/** A typed envelope over a shared payload. RFC 6120 §8. Immutable; `copy` makes another envelope for the same payload. */
export class Stanza<K extends StanzaKind = StanzaKind> {
  readonly kind: K;
  readonly type: StanzaTypes[K];
  readonly from: JID | undefined;
  readonly to: JID | undefined;
  readonly id: string | undefined;
  readonly lang: string | undefined;
  readonly payload: Payload;
  /** Attributes that RFC 6120 does not define, as markup; passed on as they came. */
  readonly extra: string;
  // Both sides' archives keep the same text.
  #xml: string | undefined;

  constructor(kind: K, envelope: Envelope<K>, extra = '') {
    this.kind = kind;
    this.type = envelope.type;
    this.from = envelope.from;
    this.to = envelope.to;
    this.id = envelope.id;
    this.lang = envelope.lang;
    this.payload = envelope.payload ?? Payload.EMPTY;
    this.extra = extra;
  }

  /** The same stanza with parts of its envelope, or its payload, replaced. */
  copy(changes: Partial<Envelope<K>>): Stanza<K> {
    return new Stanza(
      this.kind,
      {
        type: changes.type ?? this.type,
        from: 'from' in changes ? changes.from : this.from,
        to: 'to' in changes ? changes.to : this.to,
        id: 'id' in changes ? changes.id : this.id,
        lang: 'lang' in changes ? changes.lang : this.lang,
        payload: changes.payload ?? this.payload,
      },
      this.extra,
    );
  }

  /**
   * The same stanza from this sender, and in this language if it names none: the stamp of RFC 6120 §8.1.2.1 and §8.1.5, on
   * the path of every stanza.
   */
  stamped(from: JID, lang?: string): Stanza<K> {
    return new Stanza(
      this.kind,
      { type: this.type, from, to: this.to, id: this.id, lang: this.lang ?? lang, payload: this.payload },
      this.extra,
    );
  }

  /** The same stanza to somebody else: a broadcast makes one of these for each recipient. */
  addressed(to: JID): Stanza<K> {
    const { type, from, id, lang, payload } = this;
    return new Stanza(this.kind, { type, from, to, id, lang, payload }, this.extra);
  }

  /** The same stanza for keeping: it shares no text with what it was parsed from. Its addresses stay as they are. */
  compact(): Stanza<K> {
    const { kind, type, from, to, payload } = this;
    const id = this.id === undefined ? undefined : ownCopy(this.id);
    const lang = this.lang === undefined ? undefined : ownCopy(this.lang);
    return new Stanza(kind, { type, from, to, id, lang, payload: payload.compact() }, ownCopy(this.extra));
  }

  /** The stanza as XML, as a child of the stream's own namespace. */
  toString(): string {
    this.#xml ??= this.#write();
    return this.#xml;
  }

  #write(): string {
    let xml = `<${this.kind}`;
    if (this.from !== undefined) xml += ` from="${this.from.markup}"`;
    if (this.to !== undefined) xml += ` to="${this.to.markup}"`;
    if (this.id !== undefined) xml += ` id="${escapeAttribute(this.id)}"`;
    if (this.type !== DEFAULT_TYPE[this.kind]) xml += ` type="${this.type}"`;
    if (this.lang !== undefined) xml += ` xml:lang="${escapeAttribute(this.lang)}"`;
    xml += this.extra;
    const content = this.payload.text;
    return content === '' ? `${xml}/>` : `${xml}>${content}</${this.kind}>`;
  }
}

export type Message = Stanza<'message'>;
export type Presence = Stanza<'presence'>;
export type Iq = Stanza<'iq'>;
/** Any stanza; `kind` tells which. */
export type AnyStanza = Message | Presence | Iq;

/** Makes a message of ours. */
export function message(envelope: Envelope<'message'>): Message {
  return new Stanza('message', envelope);
}

/** Makes a presence of ours. */
export function presence(envelope: Envelope<'presence'>): Presence {
  return new Stanza('presence', envelope);
}

/** Makes an iq of ours. */
export function iq(envelope: Envelope<'iq'>): Iq {
  return new Stanza('iq', envelope);
}

/** Whether an element is a stanza in the stream's own namespace. */
export function isStanza(element: Element): boolean {
  return Object.hasOwn(TYPES, element.name) && attr(element, 'xmlns') === undefined;
}

/**
 * Types a parsed top-level element. `inner` is its content as text when that can be passed on verbatim.
 * @throws StanzaError `jid-malformed` or `bad-request`, to be answered with `errorFor`.
 */
export function parseStanza(element: Element, inner: string | undefined): AnyStanza {
  const kind = element.name as StanzaKind;
  let from: JID | undefined;
  let to: JID | undefined;
  let id: string | undefined;
  let type = DEFAULT_TYPE[kind];
  let lang: string | undefined;
  let extra = '';
  for (const name in element.attrs) {
    const value = element.attrs[name] ?? '';
    if (name === 'to') to = parseAddress(value);
    else if (name === 'from') from = parseAddress(value);
    else if (name === 'id') id = value;
    else if (name === 'type') type = value;
    else if (name === 'xml:lang') lang = value;
    else extra += ` ${name}="${escapeAttribute(value)}"`;
  }
  if (!TYPES[kind].has(type) && (type === '' || type !== DEFAULT_TYPE[kind])) {
    // RFC 6121 §5.2.2: a message of an unknown type is a normal one. Other kinds cannot be understood.
    if (kind !== 'message') throw new StanzaError('bad-request', { text: `unknown type of ${kind}` });
    type = 'normal';
  }
  const payload = Payload.of(element, inner);
  return new Stanza(kind, { type, from, to, id, lang, payload } as Envelope<StanzaKind>, extra) as AnyStanza;
}

function parseAddress(value: string): JID {
  try {
    return JID.parse(value);
  } catch (error) {
    if (error instanceof JidError) throw new StanzaError('jid-malformed', { text: error.message, cause: error });
    throw error;
  }
}

/** The answer to a get or set: from whom it was sent to, with this payload. RFC 6120 §8.2.3. */
export function resultFor(request: Iq, payload?: Element): Iq {
  return new Stanza('iq', {
    type: 'result',
    from: request.to,
    to: request.from,
    id: request.id,
    payload: payload === undefined ? Payload.EMPTY : new Payload([payload]),
  });
}

/** The `<error/>` child of an error stanza. RFC 6120 §8.3.2. */
export function errorElement(error: StanzaError): Element {
  return el(
    'error',
    { type: error.type },
    el(error.condition, { xmlns: NS_STANZAS }, error.address),
    error.text === undefined ? undefined : el('text', { xmlns: NS_STANZAS, 'xml:lang': 'en' }, error.text),
    error.app && applicationElement(error.app),
  );
}

/** The element of an application-specific condition. RFC 6120 §4.9.4, §8.3.4. */
export function applicationElement({ name, ns, attrs, texts = {} }: ApplicationCondition): Element {
  return el(name, { xmlns: ns, ...attrs }, ...Object.entries(texts).map(([child, text]) => el(child, {}, text)));
}

/** Whether a stanza may be answered with an error: errors and results never are. RFC 6120 §8.3.1. */
export function mayBounce(stanza: Stanza): boolean {
  return stanza.type !== 'error' && stanza.type !== 'result';
}

/** The error stanza that answers `stanza`. RFC 6120 §8.3.1. */
export function errorFor(stanza: AnyStanza, error: StanzaError): AnyStanza {
  const envelope = { type: 'error', from: stanza.to, to: stanza.from, id: stanza.id } as const;
  return new Stanza<StanzaKind>(stanza.kind, { ...envelope, payload: new Payload([errorElement(error)]) }) as AnyStanza;
}

/** The condition of an error stanza, `undefined-condition` when it names none that we know. */
export function conditionOf(stanza: AnyStanza): StanzaErrorCondition {
  const error = stanza.payload.child('error');
  const condition = error && elements(error).find((e) => attr(e, 'xmlns') === NS_STANZAS && e.name !== 'text');
  return condition !== undefined && isStanzaErrorCondition(condition.name) ? condition.name : 'undefined-condition';
}

/** What an error stanza says: its condition, and the type that its sender gave it. RFC 6120 §8.3.2. */
export function errorOf(stanza: AnyStanza): StanzaError {
  const error = stanza.payload.child('error');
  const type = error && attr(error, 'type');
  const condition = conditionOf(stanza);
  return type !== undefined && isStanzaErrorType(type)
    ? new StanzaError(condition, { type })
    : new StanzaError(condition);
}
