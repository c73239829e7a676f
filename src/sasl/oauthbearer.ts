import { SaslError } from '../errors.ts';
import type { SaslAttempt, SaslContext, SaslExchange, SaslMechanism, SaslStep, TokenSource } from './mechanism.ts';
import { EMPTY_CHALLENGE } from './mechanism.ts';
import { checkAuthzid, decodeUtf8 } from './prepare.ts';

const SEPARATOR = '\x01';

/** The name of the mechanism. */
export const OAUTHBEARER = 'OAUTHBEARER';

/**
 * A bearer token, which TLS must protect. RFC 7628. Whoever has none sends an empty one and learns where to get it: XEP-0493
 * §4.2.
 */
export const oauthbearer: SaslMechanism = {
  name: OAUTHBEARER,
  usable: ({ tokens, secure, allowPlaintext }: SaslContext) => tokens !== undefined && (secure || allowPlaintext),
  start: (attempt) => new BearerExchange(attempt),
};

class BearerExchange implements SaslExchange {
  readonly #attempt: SaslAttempt;
  #hasFailed = false;

  constructor(attempt: SaslAttempt) {
    this.#attempt = attempt;
  }

  step(input: Buffer | undefined): SaslStep | Promise<SaslStep> {
    // Whatever the client says to the error, it has been told what is wrong; and what it tried has been charged. §3.2.3.
    if (this.#hasFailed) throw new SaslError('not-authorized', { isGuess: false });
    return input === undefined ? EMPTY_CHALLENGE : this.#verify(parseBearerMessage(input));
  }

  async #verify({ authzid, token }: BearerMessage): Promise<SaslStep> {
    const { context, claim, guessed } = this.#attempt;
    const { tokens } = context;
    if (tokens === undefined) throw new SaslError('invalid-mechanism');
    // The token alone tells the account: nobody may shut its owner out by naming it in tokens that are none.
    claim(undefined);
    if (token === '') return this.#error(tokens, 'invalid_token');
    const access = await tokens.verifyForLogin(token);
    if (access === undefined) {
      if (tokens.isMadeUp(token)) guessed();
      return this.#error(tokens, 'invalid_token');
    }
    checkAuthzid(authzid, access.jid);
    claim(access.jid.local);
    if (access.role === undefined) return this.#error(tokens, 'insufficient_scope', tokens.loginScope);
    return { kind: 'success', jid: access.jid, access };
  }

  /** The error as the client's OAuth library understands it. RFC 7628 §3.2.2. */
  #error({ discoveryUrl }: TokenSource, status: string, scope?: string): SaslStep {
    this.#hasFailed = true;
    // JSON leaves out what is undefined.
    const error = JSON.stringify({ status, scope, 'openid-configuration': discoveryUrl });
    return { kind: 'challenge', data: Buffer.from(error) };
  }
}

/** A client's first message. RFC 7628 §3.1. */
export interface BearerMessage {
  /** Empty when there is none. */
  readonly authzid: string;
  /** Empty when the client has none. */
  readonly token: string;
}

/** Reads a client's first message; keys that nobody knows are ignored. Throws SaslError `malformed-request`. */
export function parseBearerMessage(message: Buffer): BearerMessage {
  const [header = '', ...rest] = decodeUtf8(message).split(SEPARATOR);
  // Each pair ends with a separator, and so does the list.
  if (rest.length < 2 || rest.at(-1) !== '' || rest.at(-2) !== '') throw malformed();
  const values = new Map<string, string>();
  for (const pair of rest.slice(0, -2)) {
    const [, key, value] = /^([A-Za-z]+)=([\t\n\r -~]*)$/.exec(pair) ?? [];
    if (key === undefined || value === undefined || values.has(key)) throw malformed();
    values.set(key, value);
  }
  return { authzid: parseGs2Header(header), token: parseAuth(values.get('auth')) };
}

/** Returns the authzid. Channel binding is not for this mechanism. RFC 5801 §4. */
function parseGs2Header(header: string): string {
  const [flag, authzid, end, ...rest] = header.split(',');
  const isFlag = flag === 'n' || flag === 'y';
  if (!isFlag || authzid === undefined || end !== '' || rest.length > 0) throw malformed();
  if (authzid === '') return '';
  const name = authzid.slice('a='.length);
  if (!authzid.startsWith('a=') || name === '' || /=(?!2C|3D)/.test(name)) throw malformed();
  return name.replaceAll('=2C', ',').replaceAll('=3D', '=');
}

/** The token in the value of an Authorization header; empty when it has none. RFC 6750 §2.1. */
function parseAuth(auth = ''): string {
  const [isToken, token = ''] = /^(?:bearer(?: +(\S*))?)?$/i.exec(auth.trim()) ?? [];
  if (isToken === undefined) throw malformed();
  return token;
}

function malformed(): SaslError {
  return new SaslError('malformed-request', { text: 'Expected a message of OAUTHBEARER with one bearer token.' });
}
