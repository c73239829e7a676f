import { domainName } from './precis/domain-name.ts';
import { withoutEmojiControls } from './precis/emoji.ts';
import { opaqueString, usernameCaseMapped } from './precis/profiles.ts';
import { LruCache } from './util/lru.ts';
import { escapeAttribute } from './xml/element.ts';

const MAX_PART_OCTETS = 1023;
const MAX_OCTETS = 3 * MAX_PART_OCTETS + 2;

// At worst, when each text has the full length and letters of two bytes, the cache takes some 15 MB.
const MAX_INTERNED = 16_384;
const MAX_INTERNED_LENGTH = 128;

/** The part of an address that is at fault. */
export type JidPart = 'localpart' | 'domainpart' | 'resourcepart' | 'address';

/** A text is not an address (RFC 7622 §3); a stanza that carries it earns `jid-malformed`. */
export class JidError extends Error {
  override readonly name = 'JidError';
  readonly part: JidPart;

  constructor(part: JidPart, reason: string) {
    super(`${part} ${reason}`);
    this.part = part;
  }
}

function checkLength(part: JidPart, text: string, maxOctets: number): void {
  if (text === '') throw new JidError(part, 'is empty');
  // A UTF-16 unit is at least one octet and at most three of UTF-8.
  if (text.length * 3 <= maxOctets) return;
  if (text.length > maxOctets || Buffer.byteLength(text) > maxOctets) {
    throw new JidError(part, `is longer than ${maxOctets} octets`);
  }
}

/** Returns the prepared text, or undefined when the rules refuse it. */
type Enforce = (text: string) => string | undefined;

function prepare(part: JidPart, text: string, enforce: Enforce, fault: string): string {
  // Mapping can shorten a text, but before it no part can be longer than a whole address.
  checkLength(part, text, MAX_OCTETS);
  const prepared = enforce(text);
  if (prepared === undefined) throw new JidError(part, fault);
  checkLength(part, prepared, MAX_PART_OCTETS);
  return prepared;
}

const LOWER_CASE = 1;
const UPPER_CASE = 2;

/** For each ASCII code whether a localpart may hold it, and whether it changes (RFC 7622 §3.3). */
const LOCAL_ASCII = Uint8Array.from({ length: 128 }, (_, code) => {
  const char = String.fromCharCode(code);
  if (code <= 0x20 || code === 0x7f || '"&\'/:<>@'.includes(char)) return 0;
  return char === char.toLowerCase() ? LOWER_CASE : UPPER_CASE;
});

const EXCLUDED_FROM_LOCAL = /["&'/:<>@]/;

function enforceLocal(text: string): string | undefined {
  let seen = 0;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code >= 128) return enforceUnicodeLocal(text);
    const kind = LOCAL_ASCII[code] ?? 0;
    if (kind === 0) return undefined;
    seen |= kind;
  }
  return seen === LOWER_CASE ? text : text.toLowerCase();
}

function enforceUnicodeLocal(text: string): string | undefined {
  const prepared = usernameCaseMapped(text);
  return prepared === undefined || EXCLUDED_FROM_LOCAL.test(prepared) ? undefined : prepared;
}

function enforceResource(text: string): string | undefined {
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code >= 128) return opaqueString(withoutEmojiControls(text));
    if (code < 0x20 || code === 0x7f) return undefined;
  }
  return text;
}

/** Enforces the rules of a localpart: UsernameCaseMapped and the excluded characters (RFC 7622 §3.3). Throws JidError. */
export function prepareLocal(text: string): string {
  return prepare('localpart', text, enforceLocal, 'has characters that a username may not have');
}

/** Enforces the rules of a domainpart, an IDNA2008 name or an IP address (RFC 7622 §3.2). Throws JidError. */
export function prepareDomain(text: string): string {
  return prepare('domainpart', text, domainName, 'is neither a domain name nor an IP address');
}

/**
 * Enforces the rules of a resourcepart: OpaqueString (RFC 7622 §3.4), once emoji have lost what is invisible in them. Throws
 * JidError.
 */
export function prepareResource(text: string): string {
  return prepare('resourcepart', text, enforceResource, 'has characters that it may not have');
}

const interned = new LruCache<string, JID>(MAX_INTERNED);
const scratch = Buffer.alloc(MAX_OCTETS);

/**
 * Returns a text that shares no memory. A text cut from what a peer sent keeps all of that alive, and an address may
 * live as long as a session, or in the cache.
 */
function ownCopy(text: string): string {
  checkLength('address', text, MAX_OCTETS);
  const own = scratch.toString('utf8', 0, scratch.write(text));
  if (own !== text) throw new JidError('address', 'is not well-formed Unicode');
  return own;
}

/** An address (RFC 7622): immutable, and always in its normal form. */
export class JID {
  /** The localpart, '' when absent. */
  readonly local: string;
  readonly domain: string;
  /** The resourcepart, '' when absent. */
  readonly resource: string;

  #text: string | undefined;
  #markup: string | undefined;
  #bare: JID | undefined;

  private constructor(local: string, domain: string, resource: string) {
    this.local = local;
    this.domain = domain;
    this.resource = resource;
  }

  /** Returns the address a text stands for, the same object while it is remembered. Throws JidError. */
  static parse(text: string): JID {
    if (text.length > MAX_INTERNED_LENGTH) return JID.#split(ownCopy(text));
    return interned.get(text) ?? JID.#intern(ownCopy(text));
  }

  /** Returns the address of unprepared parts; `local` and `resource` may be ''. Throws JidError. */
  static of(local: string, domain: string, resource = ''): JID {
    return new JID(
      local === '' ? '' : ownCopy(prepareLocal(local)),
      ownCopy(prepareDomain(domain)),
      resource === '' ? '' : ownCopy(prepareResource(resource)),
    );
  }

  static #intern(text: string): JID {
    const jid = JID.#split(text);
    interned.set(text, jid);
    return jid;
  }

  /** RFC 7622 §3.1: the resourcepart begins after the first slash, the localpart ends before the first at sign. */
  static #split(text: string): JID {
    const slash = text.indexOf('/');
    const beforeResource = slash < 0 ? text : text.slice(0, slash);
    const at = beforeResource.indexOf('@');
    return new JID(
      at < 0 ? '' : prepareLocal(beforeResource.slice(0, at)),
      prepareDomain(beforeResource.slice(at + 1)),
      slash < 0 ? '' : prepareResource(text.slice(slash + 1)),
    );
  }

  /** Returns the address with another resourcepart, which is prepared. Throws JidError. */
  withResource(resource: string): JID {
    return new JID(this.local, this.domain, ownCopy(prepareResource(resource)));
  }

  /** Whether there is no resourcepart. */
  get isBare(): boolean {
    return this.resource === '';
  }

  /** Whether there is nothing but a domainpart. */
  get isDomain(): boolean {
    return this.local === '' && this.resource === '';
  }

  /** Returns the address without its resourcepart: itself when it has none. */
  bare(): JID {
    if (this.resource === '') return this;
    this.#bare ??= new JID(this.local, this.domain, '');
    return this.#bare;
  }

  /** Returns the normal form: equal texts are equal addresses, so it serves as a map key. */
  toString(): string {
    this.#text ??= normalForm(this.local, this.domain, this.resource);
    return this.#text;
  }

  /** The normal form as the value of an attribute, escaped once for all the stanzas that carry it. */
  get markup(): string {
    this.#markup ??= escapeAttribute(this.toString());
    return this.#markup;
  }

  /** Whether two addresses are the same, all parts compared. */
  equals(other: JID): boolean {
    return (
      this === other || (this.local === other.local && this.domain === other.domain && this.resource === other.resource)
    );
  }
}

function normalForm(local: string, domain: string, resource: string): string {
  const bare = local === '' ? domain : `${local}@${domain}`;
  return resource === '' ? bare : `${bare}/${resource}`;
}
