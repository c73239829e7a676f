import { SaslError, StreamError } from '../errors.ts';
import type { JID } from '../jid.ts';
import { StoreError } from '../store/store.ts';
import type { Awaitable } from '../util/awaitable.ts';
import { downgradeAttributes } from './downgrade.ts';
import type { SaslAttempt, SaslContext, SaslExchange, SaslMechanism, TokenAccess } from './mechanism.ts';
import { offered } from './mechanisms.ts';
import type { LoginThrottle } from './throttle.ts';
import { usesPassword } from './upgrade.ts';

/** For the person: clients show the text. */
const APPS_ONLY = 'This account lets in only apps that its owner has approved; the password is for its pages.';

/** A failed attempt, for the log. */
export interface AuthenticationFailure {
  /** The mechanism, once one of those offered was chosen. */
  readonly mechanism: string | undefined;
  /** The prepared localpart that was claimed, if the exchange got so far. */
  readonly username: string | undefined;
  readonly error: SaslError;
}

export interface AuthenticationOptions {
  readonly context: SaslContext;
  /** The mechanisms configured, in order of preference. */
  readonly mechanisms: readonly SaslMechanism[];
  readonly throttle: Pick<LoginThrottle, 'admit' | 'failed' | 'succeeded'>;
  /** Where the peer connects from. */
  readonly address: string;
  /** The failure after which the stream ends. RFC 6120 §6.4.5 wants 2 to 5 retries. */
  readonly maxFailures?: number;
  readonly onFailure?: (failure: AuthenticationFailure) => void;
  /** The account that alone may log in, because the client has said that it is this one; undefined: any. */
  readonly expected?: JID | undefined;
  /** Whether the owner of an account refuses the password, so that only tokens get in; asked after the proof. */
  readonly refusesPassword?: ((local: string) => Awaitable<boolean>) | undefined;
}

/** What one message of the client leads to. Failure is a thrown SaslError. */
export type AuthenticationResult =
  | { readonly kind: 'challenge'; readonly data: Buffer }
  | {
      readonly kind: 'success';
      readonly jid: JID;
      readonly mechanism: string;
      readonly anonymous: boolean;
      /** Additional data with success. */
      readonly data: Buffer | undefined;
      /** What the login depends on, if it was by a bearer token. */
      readonly access: TokenAccess | undefined;
    };

interface Current {
  readonly mechanism: SaslMechanism;
  readonly exchange: SaslExchange;
  /** The last word: called when nothing else refuses the login. Throws SaslError. */
  readonly accept: (() => Awaitable<void>) | undefined;
}

/**
 * The login of one stream, whatever XML it is dressed in: offers mechanisms, runs one exchange at a time, throttles and
 * counts failures. Make a new one when the stream's protection changes. Calls must not overlap: the stream's lane sees
 * to that. Every method but {@link offered} throws SaslError for a failure, and StreamError `policy-violation` for
 * the last failure that is allowed and for an attempt after success.
 */
export class Authentication {
  readonly #options: AuthenticationOptions;
  #offered: ReadonlyMap<string, SaslMechanism> | undefined;
  #current: Current | undefined;
  #username: string | undefined;
  #failures = 0;
  #isDone = false;

  constructor(options: AuthenticationOptions) {
    this.#options = options;
  }

  /** The mechanisms offered on this stream by name, in order of preference; the same for the life of the stream. */
  get offered(): ReadonlyMap<string, SaslMechanism> {
    const { context, mechanisms } = this.#options;
    this.#offered ??= new Map(offered(context, mechanisms).map((mechanism) => [mechanism.name, mechanism]));
    return this.#offered;
  }

  /** Starts an exchange. `initial` is undefined when the client sent no initial response. */
  async begin(name: string, initial: Buffer | undefined): Promise<AuthenticationResult> {
    this.#requireIdle();
    const mechanism = this.offered.get(name);
    if (mechanism === undefined) this.fail(this.#notOffered(name));
    return this.beginWith(mechanism, initial);
  }

  /** Starts an exchange of a mechanism that is for this attempt only; `accept` has the last word on its success. */
  async beginWith(
    mechanism: SaslMechanism,
    initial: Buffer | undefined,
    accept?: () => Awaitable<void>,
  ): Promise<AuthenticationResult> {
    this.#requireIdle();
    this.#username = undefined;
    const exchange = mechanism.start(this.#attempt());
    this.#current = { mechanism, exchange, accept };
    return this.#step(this.#current, initial);
  }

  #requireIdle(): void {
    if (this.#isDone) throw new StreamError('policy-violation', { text: 'You have logged in already.' });
    if (this.#current !== undefined) {
      this.fail(new SaslError('malformed-request', { text: 'Abort the exchange before you begin another.' }));
    }
  }

  /** Goes on with the exchange. */
  async respond(data: Buffer): Promise<AuthenticationResult> {
    if (this.#current === undefined) {
      this.fail(new SaslError('malformed-request', { text: 'There is no exchange to respond to.' }));
    }
    return this.#step(this.#current, data);
  }

  /** Ends the exchange on behalf of the client. RFC 6120 §6.4.4. */
  abort(): never {
    this.fail(new SaslError('aborted'));
  }

  /** Ends the exchange with an error, which is counted and thrown. */
  fail(error: SaslError): never {
    const { throttle, address, maxFailures = 5, onFailure } = this.#options;
    const mechanism = this.#current?.mechanism.name;
    this.#current = undefined;
    this.#failures++;
    if (error.isGuess) throttle.failed({ address, account: this.#account() });
    onFailure?.({ mechanism, username: this.#username, error });
    this.#username = undefined;
    if (this.#failures < maxFailures) throw error;
    throw new StreamError('policy-violation', { text: 'Too many failed logins.', cause: error });
  }

  async #step({ mechanism, exchange, accept }: Current, input: Buffer | undefined): Promise<AuthenticationResult> {
    try {
      const step = await exchange.step(input);
      if (step.kind === 'challenge') return step;
      const { expected } = this.#options;
      if (expected !== undefined && !expected.equals(step.jid)) {
        throw new SaslError('invalid-authzid', { text: 'Your stream header names another account.' });
      }
      if (step.anonymous !== true) await this.#checkStatus(step.jid);
      if (usesPassword(mechanism.name) && step.access === undefined) await this.#checkPasswordAllowed(step.jid);
      await accept?.();
      this.#succeed();
      const { jid, anonymous = false, data, access } = step;
      return { kind: 'success', jid, mechanism: mechanism.name, anonymous, data, access };
    } catch (error) {
      if (error instanceof SaslError) this.fail(error);
      if (error instanceof StoreError) this.fail(new SaslError('temporary-auth-failure', { cause: error }));
      this.#current = undefined;
      throw error;
    }
  }

  async #checkStatus(jid: JID): Promise<void> {
    const status = await this.#options.context.credentials.status(jid.local);
    if (status === undefined) throw new SaslError('not-authorized');
    if (status === 'disabled') throw new SaslError('account-disabled');
  }

  async #checkPasswordAllowed({ local }: JID): Promise<void> {
    if ((await this.#options.refusesPassword?.(local)) === true)
      throw new SaslError('mechanism-too-weak', { text: APPS_ONLY });
  }

  #succeed(): void {
    const { throttle, address } = this.#options;
    throttle.succeeded({ address, account: this.#account() });
    this.#isDone = true;
    this.#current = undefined;
  }

  #attempt(): SaslAttempt {
    const { context, throttle, address } = this.#options;
    const offered = (): ReadonlySet<string> => new Set(this.offered.keys());
    return {
      context,
      // Only SCRAM looks at them.
      get offered() {
        return offered();
      },
      offerAttributes: (hash) => downgradeAttributes(hash, context, offered()),
      claim: (username) => {
        this.#username = username;
        throttle.admit({ address, account: this.#account() });
      },
      guessed: () => throttle.failed({ address, account: this.#account() }),
    };
  }

  #account(): string | undefined {
    return this.#username === undefined ? undefined : `${this.#username}@${this.#options.context.domain}`;
  }

  /** What is configured but not offered in the clear is available under TLS. RFC 6120 §6.5.4, §6.5.7. */
  #notOffered(name: string): SaslError {
    const { context, mechanisms } = this.#options;
    const isConfigured = mechanisms.some((mechanism) => mechanism.name === name);
    return new SaslError(isConfigured && !context.secure ? 'encryption-required' : 'invalid-mechanism');
  }
}
