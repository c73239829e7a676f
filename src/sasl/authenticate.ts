import { SaslError } from '../errors.ts';
import { attr, child, children, type Element, firstElement, text } from '../xml/element.ts';
import { decodeBase64 } from './prepare.ts';

/** SASL for XMPP that does more than one thing at a time. XEP-0388. */
export const NS_SASL2 = 'urn:xmpp:sasl:2';
/** Tokens in the place of passwords. XEP-0484. */
export const NS_FAST = 'urn:xmpp:fast:0';
/** Upgrades of what is kept of a password. XEP-0480. */
export const NS_UPGRADE = 'urn:xmpp:sasl:upgrade:0';

// In base64 characters, as for RFC 6120's SASL.
const MAX_ENCODED_LENGTH = 8192;
/** In UTF-16 units; what goes beyond it is cut off. */
const MAX_DESCRIPTION = 256;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** `<fast/>`: the client logs in with a token. XEP-0484 §3.3, §3.5. */
export interface FastUse {
  /** Grows with each attempt on a token, so that none can be replayed; undefined when the client does not count. */
  readonly count: number | undefined;
  /** The client's tokens are of no use after this login. */
  readonly invalidate: boolean;
}

/** `<authenticate/>`, read and checked. XEP-0388 §2.2. */
export interface AuthenticateRequest {
  readonly mechanism: string;
  /** Undefined when there is none; one without data is empty. */
  readonly initial: Buffer | undefined;
  /** The client installation's identifier in lower case; undefined unless it is a UUID. */
  readonly clientId: string | undefined;
  readonly software: string | undefined;
  readonly device: string | undefined;
  readonly fast: FastUse | undefined;
  /** The mechanism that the client wants a token for; undefined: it wants none. XEP-0484 §3.1. */
  readonly requestToken: string | undefined;
  readonly upgrades: readonly string[];
  /** All of it, for what else is requested along with the login. */
  readonly element: Element;
}

/** Reads `<authenticate/>`. Children that nobody knows are ignored. Throws SaslError. */
export function readAuthenticate(element: Element): AuthenticateRequest {
  const mechanism = attr(element, 'mechanism');
  if (mechanism === undefined || mechanism === '') throw malformed('Expected a mechanism.');
  const initial = child(element, 'initial-response');
  const userAgent = child(element, 'user-agent');
  const id = userAgent && attr(userAgent, 'id');
  const requestToken = child(element, 'request-token', NS_FAST);
  return {
    mechanism,
    initial: initial && decodeData(initial),
    clientId: id !== undefined && UUID.test(id) ? id.toLowerCase() : undefined,
    software: userAgent && describe(child(userAgent, 'software')),
    device: userAgent && describe(child(userAgent, 'device')),
    fast: readFast(child(element, 'fast', NS_FAST)),
    requestToken: requestToken && (attr(requestToken, 'mechanism') ?? ''),
    upgrades: children(element, 'upgrade', NS_UPGRADE).map((upgrade) => text(upgrade)),
    element,
  };
}

/** Decodes the data of a message: an element without any stands for no bytes. Throws SaslError. XEP-0388 §2.1. */
export function decodeData(element: Element): Buffer {
  const encoded = text(element);
  if (firstElement(element) !== undefined || encoded.length > MAX_ENCODED_LENGTH) {
    throw malformed('Expected base64 of moderate length.');
  }
  const bytes = decodeBase64(encoded);
  if (bytes === undefined) throw new SaslError('incorrect-encoding');
  return bytes;
}

function readFast(element: Element | undefined): FastUse | undefined {
  if (element === undefined) return undefined;
  const count = attr(element, 'count');
  if (count !== undefined && !/^0*[1-9][0-9]{0,14}$/.test(count)) throw malformed('The count is no positive integer.');
  const invalidate = attr(element, 'invalidate');
  return {
    count: count === undefined ? undefined : Number(count),
    invalidate: invalidate === 'true' || invalidate === '1',
  };
}

function describe(element: Element | undefined): string | undefined {
  const description = text(element).trim().slice(0, MAX_DESCRIPTION);
  return description === '' ? undefined : description;
}

function malformed(explanation: string): SaslError {
  return new SaslError('malformed-request', { text: explanation });
}
