import { SaslError } from '../errors.ts';
import type { JID } from '../jid.ts';
import type { Awaitable } from '../util/awaitable.ts';
import { attr, type Element, el, firstElement, text } from '../xml/element.ts';
import { NS_SASL } from '../xml/ns.ts';
import { Authentication, type AuthenticationOptions, type AuthenticationResult } from './authentication.ts';
import type { TokenAccess } from './mechanism.ts';
import { decodeBase64 } from './prepare.ts';

/** What to answer, and who the peer is once it has proved it. */
export type Sasl1Result =
  | { readonly reply: Element; readonly authenticated?: undefined }
  | {
      readonly reply: Element;
      /** The bare JID of the account. */
      readonly authenticated: JID;
      readonly mechanism: string;
      readonly anonymous: boolean;
      /** What the login depends on, if it was by a bearer token. */
      readonly access: TokenAccess | undefined;
    };

// In base64 characters. The largest message of our mechanisms is SCRAM's with long names; it has less than half of this.
const MAX_ENCODED_LENGTH = 8192;

export interface Sasl1Options extends AuthenticationOptions {
  /** Why nobody may log in this way: nothing is offered and every attempt fails with this; undefined where clients may. */
  readonly refusal?: SaslError | undefined;
}

/** SASL negotiation as of RFC 6120 §6, for one stream. It decides what to send but sends nothing. */
export class Sasl1 {
  readonly #authentication: Authentication;
  readonly #refusal: SaslError | undefined;

  constructor(options: Sasl1Options) {
    this.#authentication = new Authentication(options);
    this.#refusal = options.refusal;
  }

  /** The stream feature, or undefined when no mechanism can be used on this stream. RFC 6120 §6.4.1. */
  offer(): Element | undefined {
    const names = [...this.#authentication.offered.keys()];
    if (names.length === 0 || this.#refusal !== undefined) return undefined;
    return el('mechanisms', { xmlns: NS_SASL }, ...names.map((name) => el('mechanism', {}, name)));
  }

  /**
   * Takes an element of the SASL namespace. Calls must not overlap. Rejects with StreamError `policy-violation` after
   * too many failures or for an attempt after success; every other failure is a reply.
   */
  async handle(element: Element): Promise<Sasl1Result> {
    try {
      return toXml(await this.#advance(element));
    } catch (error) {
      if (error instanceof SaslError) return { reply: failure(error) };
      throw error;
    }
  }

  #advance(element: Element): Awaitable<AuthenticationResult> {
    const authentication = this.#authentication;
    if (this.#refusal !== undefined) authentication.fail(this.#refusal);
    switch (element.name) {
      case 'auth':
        return authentication.begin(attr(element, 'mechanism') ?? '', this.#decode(element));
      case 'response':
        return authentication.respond(this.#decode(element) ?? Buffer.alloc(0));
      case 'abort':
        return authentication.abort();
      default:
        return authentication.fail(new SaslError('malformed-request', { text: 'Expected auth, response or abort.' }));
    }
  }

  /** Decodes the character data: undefined for none; `=` stands for a response of no bytes. RFC 6120 §6.4.2. */
  #decode(element: Element): Buffer | undefined {
    const encoded = text(element);
    if (firstElement(element) !== undefined || encoded.length > MAX_ENCODED_LENGTH) {
      this.#authentication.fail(new SaslError('malformed-request', { text: 'Expected base64 of moderate length.' }));
    }
    if (encoded === '') return undefined;
    const bytes = encoded === '=' ? Buffer.alloc(0) : decodeBase64(encoded);
    return bytes ?? this.#authentication.fail(new SaslError('incorrect-encoding'));
  }
}

function toXml(result: AuthenticationResult): Sasl1Result {
  const attrs = { xmlns: NS_SASL };
  if (result.kind === 'challenge') return { reply: el('challenge', attrs, encode(result.data)) };
  const { jid, mechanism, anonymous, data, access } = result;
  // Additional data of no bytes is written `=`, unlike a challenge of none. RFC 6120 §6.4.6.
  const content = data === undefined ? undefined : (encode(data) ?? '=');
  return { reply: el('success', attrs, content), authenticated: jid, mechanism, anonymous, access };
}

function encode(data: Buffer): string | undefined {
  return data.length === 0 ? undefined : data.toString('base64');
}

/** `<failure/>` with its condition. RFC 6120 §6.4.5. */
function failure(error: SaslError): Element {
  const explanation = error.text === undefined ? undefined : el('text', { 'xml:lang': 'en' }, error.text);
  return el('failure', { xmlns: NS_SASL }, el(error.condition), explanation);
}
