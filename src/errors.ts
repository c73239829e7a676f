/** The stanza error conditions of RFC 6120 §8.3.3, each with the error type that goes with it unless said otherwise. */
const STANZA_ERROR_TYPES = {
  'bad-request': 'modify',
  conflict: 'cancel',
  'feature-not-implemented': 'cancel',
  forbidden: 'auth',
  gone: 'cancel',
  'internal-server-error': 'cancel',
  'item-not-found': 'cancel',
  'jid-malformed': 'modify',
  'not-acceptable': 'modify',
  'not-allowed': 'cancel',
  'not-authorized': 'auth',
  'policy-violation': 'modify',
  'recipient-unavailable': 'wait',
  redirect: 'modify',
  'registration-required': 'auth',
  'remote-server-not-found': 'cancel',
  'remote-server-timeout': 'wait',
  'resource-constraint': 'wait',
  'service-unavailable': 'cancel',
  'subscription-required': 'auth',
  'undefined-condition': 'cancel',
  'unexpected-request': 'wait',
} as const;

export type StanzaErrorCondition = keyof typeof STANZA_ERROR_TYPES;

/** Whether a name, such as one that came from a peer, is a stanza error condition. */
export function isStanzaErrorCondition(name: string): name is StanzaErrorCondition {
  return Object.hasOwn(STANZA_ERROR_TYPES, name);
}

const ERROR_TYPES = ['auth', 'cancel', 'continue', 'modify', 'wait'] as const;

/** What the sender may do about a stanza error. RFC 6120 §8.3.2. */
export type StanzaErrorType = (typeof ERROR_TYPES)[number];

/** Whether a name, such as one that came from a peer, is a stanza error type. */
export function isStanzaErrorType(name: string): name is StanzaErrorType {
  return ERROR_TYPES.some((kind) => kind === name);
}

/** The stream error conditions of RFC 6120 §4.9.3. */
export const STREAM_ERROR_CONDITIONS = [
  'bad-format',
  'bad-namespace-prefix',
  'conflict',
  'connection-timeout',
  'host-gone',
  'host-unknown',
  'improper-addressing',
  'internal-server-error',
  'invalid-from',
  'invalid-namespace',
  'invalid-xml',
  'not-authorized',
  'not-well-formed',
  'policy-violation',
  'remote-connection-failed',
  'reset',
  'resource-constraint',
  'restricted-xml',
  'see-other-host',
  'system-shutdown',
  'undefined-condition',
  'unsupported-encoding',
  'unsupported-feature',
  'unsupported-stanza-type',
  'unsupported-version',
] as const;

export type StreamErrorCondition = (typeof STREAM_ERROR_CONDITIONS)[number];

/** The SASL failure conditions of RFC 6120 §6.5. */
export type SaslErrorCondition =
  | 'aborted'
  | 'account-disabled'
  | 'credentials-expired'
  | 'encryption-required'
  | 'incorrect-encoding'
  | 'invalid-authzid'
  | 'invalid-mechanism'
  | 'malformed-request'
  | 'mechanism-too-weak'
  | 'not-authorized'
  | 'temporary-auth-failure';

/** An element inside an error that says more than the condition, such as `<not-subscribed/>`. RFC 6120 §4.9.4, §8.3.4. */
export interface ApplicationCondition {
  readonly name: string;
  readonly ns: string;
  readonly attrs?: Readonly<Record<string, string>>;
  /** Child elements that hold a text, by name. */
  readonly texts?: Readonly<Record<string, string>>;
}

export interface ErrorDetails {
  /** Plain words for the peer. */
  readonly text?: string;
  readonly app?: ApplicationCondition;
  /** What really happened, for the log; the peer never sees it. */
  readonly cause?: unknown;
}

export interface StanzaErrorDetails extends ErrorDetails {
  /** Overrides the type that usually goes with the condition. */
  readonly type?: StanzaErrorType;
  /** Where to go instead: the character data of `<gone/>` and `<redirect/>`. RFC 6120 §8.3.3.5, §8.3.3.14. */
  readonly address?: string;
}

/** A stanza cannot be processed: it is answered by an error stanza. RFC 6120 §8.3. */
export class StanzaError extends Error {
  override readonly name = 'StanzaError';
  readonly condition: StanzaErrorCondition;
  readonly type: StanzaErrorType;
  readonly text: string | undefined;
  readonly app: ApplicationCondition | undefined;
  readonly address: string | undefined;

  constructor(condition: StanzaErrorCondition, details: StanzaErrorDetails = {}) {
    super(details.text ?? condition, { cause: details.cause });
    this.condition = condition;
    this.type = details.type ?? STANZA_ERROR_TYPES[condition];
    this.text = details.text;
    this.app = details.app;
    this.address = details.address;
  }
}

export interface StreamErrorDetails extends ErrorDetails {
  /** The host and port to connect to instead: the character data of `<see-other-host/>`. RFC 6120 §4.9.3.19. */
  readonly address?: string;
}

/** The stream cannot go on: it is closed with this condition. RFC 6120 §4.9. */
export class StreamError extends Error {
  override readonly name = 'StreamError';
  readonly condition: StreamErrorCondition;
  readonly text: string | undefined;
  readonly app: ApplicationCondition | undefined;
  readonly address: string | undefined;

  constructor(condition: StreamErrorCondition, details: StreamErrorDetails = {}) {
    super(details.text ?? condition, { cause: details.cause });
    this.condition = condition;
    this.text = details.text;
    this.app = details.app;
    this.address = details.address;
  }
}

export interface SaslErrorDetails extends Pick<ErrorDetails, 'text' | 'cause'> {
  /** Whether a credential was tried that is wrong; by default `not-authorized` says so. */
  readonly isGuess?: boolean;
}

/** Authentication failed: it is answered by `<failure/>`. RFC 6120 §6.5. */
export class SaslError extends Error {
  override readonly name = 'SaslError';
  readonly condition: SaslErrorCondition;
  readonly text: string | undefined;
  /** Whether a credential was tried that is wrong: such failures are charged. */
  readonly isGuess: boolean;

  constructor(condition: SaslErrorCondition, details: SaslErrorDetails = {}) {
    super(details.text ?? condition, { cause: details.cause });
    this.condition = condition;
    this.text = details.text;
    this.isGuess = details.isGuess ?? condition === 'not-authorized';
  }
}
