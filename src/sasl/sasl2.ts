import { SaslError, StreamError } from '../errors.ts';
import type { JID } from '../jid.ts';
import { StoreError } from '../store/store.ts';
import type { Awaitable } from '../util/awaitable.ts';
import { attr, child, type Element, el } from '../xml/element.ts';
import { NS_SASL } from '../xml/ns.ts';
import {
  type AuthenticateRequest,
  decodeData,
  type FastUse,
  NS_FAST,
  NS_SASL2,
  NS_UPGRADE,
  readAuthenticate,
} from './authenticate.ts';
import { Authentication, type AuthenticationOptions, type AuthenticationResult } from './authentication.ts';
import { type HtTokens, htMechanism, htMechanisms, isHtUsable } from './ht.ts';
import type { TokenAccess } from './mechanism.ts';
import {
  pendingUpgrades,
  type ScramUpgrade,
  type UpgradableCredentials,
  upgradesFor,
  usesPassword,
} from './upgrade.ts';

const NS_SCRAM_UPGRADE = 'urn:xmpp:scram-upgrade:0';

/** One attempt to log in with a token of a client. XEP-0484. */
export interface TokenAttempt extends HtTokens {
  /** Makes the login count, once nothing else can refuse it. Throws SaslError when the token was used up meanwhile. */
  use(): Awaitable<void>;
}

export interface Sasl2Options<A extends TokenAttempt> extends AuthenticationOptions {
  /** Where the tokens of a client are; undefined where there are none. */
  readonly tokens?: ((clientId: string, use: FastUse) => A) | undefined;
  /** Where accounts get keys for other hash functions; undefined where they do not. */
  readonly upgrades?: UpgradableCredentials | undefined;
  /** Whether only clients that identify themselves may log in. */
  readonly needsClientId?: boolean;
  /** The account that the client named in its stream header: no other may log in. XEP-0388 §2.2. */
  readonly expected?: JID | undefined;
}

/** A client has proved who it is and done all that was asked of it. */
export interface Proven<A extends TokenAttempt> {
  /** The bare JID of the account. */
  readonly jid: JID;
  readonly mechanism: string;
  readonly anonymous: boolean;
  /** What success must carry of the mechanism's. */
  readonly data: Buffer | undefined;
  readonly request: AuthenticateRequest;
  /** The token that it logged in with, if it was one. */
  readonly token: A | undefined;
  /** The same for a bearer token: what the login depends on. */
  readonly access: TokenAccess | undefined;
}

/** What to answer, or that the client is in. */
export type Sasl2Result<A extends TokenAttempt> =
  | { readonly reply: Element; readonly proven?: undefined }
  | { readonly proven: Proven<A> };

/** What is being done between `<authenticate/>` and its outcome. */
type Progress<A extends TokenAttempt> =
  | { readonly step: 'exchange'; readonly request: AuthenticateRequest; readonly token: A | undefined }
  | { readonly step: 'next' | 'task'; readonly proven: Proven<A>; readonly tasks: readonly ScramUpgrade[] };

/**
 * SASL negotiation as of XEP-0388, for one stream. It decides what to send but sends nothing, and knows nothing of what is
 * requested along with the login but what depends on credentials: tokens and upgrades.
 */
export class Sasl2<A extends TokenAttempt> {
  readonly #options: Sasl2Options<A>;
  readonly #authentication: Authentication;
  #progress: Progress<A> | undefined;
  #hasContinued = false;

  constructor(options: Sasl2Options<A>) {
    this.#options = options;
    this.#authentication = new Authentication(options);
  }

  /** Whether an exchange is under way: then nothing but its messages may arrive. XEP-0388 §2.3. */
  get isBusy(): boolean {
    return this.#progress !== undefined;
  }

  /** The stream feature, or undefined when no mechanism can be used. `inline` is what else may be had. XEP-0388 §2.1. */
  offer(inline: readonly Element[]): Element | undefined {
    const names = [...this.#authentication.offered.keys()];
    if (names.length === 0) return undefined;
    const { tokens, upgrades, context } = this.#options;
    const all = [...inline];
    if (tokens !== undefined) all.push(el('fast', { xmlns: NS_FAST }, ...htMechanisms(context).map(mechanismElement)));
    return el(
      'authentication',
      { xmlns: NS_SASL2 },
      ...names.map(mechanismElement),
      all.length === 0 ? undefined : el('inline', {}, ...all),
      ...(upgrades === undefined ? [] : upgradesFor(names)).map((name) => el('upgrade', { xmlns: NS_UPGRADE }, name)),
    );
  }

  /**
   * Takes an element of the namespace. Calls must not overlap. Rejects with StreamError for what ends the stream; every
   * failure that the client may recover from is a reply.
   */
  async handle(element: Element): Promise<Sasl2Result<A>> {
    try {
      return await this.#advance(element);
    } catch (error) {
      this.#progress = undefined;
      if (error instanceof SaslError) return { reply: failure(error) };
      if (!(error instanceof StoreError)) throw error;
      return { reply: failure(new SaslError('temporary-auth-failure', { cause: error })) };
    }
  }

  #advance(element: Element): Awaitable<Sasl2Result<A>> {
    const progress = this.#progress;
    if (element.name === 'authenticate') return this.#begin(element);
    if (element.name === 'abort') return this.#authentication.abort();
    if (progress?.step === 'exchange' && element.name === 'response') return this.#respond(element, progress);
    if (progress?.step === 'next' && element.name === 'next') return this.#startTask(element, progress);
    if (progress?.step === 'task' && element.name === 'task-data') return this.#finishTask(element, progress);
    return this.#fail('malformed-request', 'This is not the message that is expected now.');
  }

  async #begin(element: Element): Promise<Sasl2Result<A>> {
    if (this.#progress !== undefined || this.#hasContinued) {
      throw new StreamError('policy-violation', { text: 'You are logging in already.' });
    }
    const authentication = this.#authentication;
    const request = this.#read(() => readAuthenticate(element));
    if (this.#options.needsClientId === true && request.clientId === undefined) {
      this.#fail('malformed-request', 'This server only admits clients that identify themselves');
    }
    const token = this.#tokenAttempt(request);
    const mechanism = token === undefined ? undefined : htMechanism(request.mechanism, token);
    this.#progress = { step: 'exchange', request, token };
    const result =
      mechanism === undefined
        ? await authentication.begin(request.mechanism, request.initial)
        : await authentication.beginWith(mechanism, request.initial, () => token?.use());
    return this.#answer(result, request, token);
  }

  // The checks on tokens, in the order of the mistakes that clients make.
  #tokenAttempt({ mechanism, clientId, fast, requestToken }: AuthenticateRequest): A | undefined {
    const { tokens, context } = this.#options;
    if (tokens === undefined) return undefined;
    if ((fast !== undefined || requestToken !== undefined) && clientId === undefined) {
      this.#fail('malformed-request', 'Tokens are for clients that identify themselves.');
    }
    if (fast === undefined || clientId === undefined) return undefined;
    if (!isHtUsable(mechanism, context)) this.#fail('invalid-mechanism');
    return tokens(clientId, fast);
  }

  async #respond(element: Element, { request, token }: Progress<A> & { step: 'exchange' }): Promise<Sasl2Result<A>> {
    const data = this.#read(() => decodeData(element));
    return this.#answer(await this.#authentication.respond(data), request, token);
  }

  #answer(result: AuthenticationResult, request: AuthenticateRequest, token: A | undefined): Awaitable<Sasl2Result<A>> {
    if (result.kind === 'challenge') {
      return { reply: el('challenge', { xmlns: NS_SASL2 }, result.data.toString('base64')) };
    }
    const { jid, mechanism, anonymous, data, access } = result;
    const proven: Proven<A> = { jid, mechanism, anonymous, data, request, token, access };
    const { upgrades } = this.#options;
    const hasPassword = usesPassword(mechanism) && access === undefined;
    const requested = request.upgrades.filter((name) => this.#offersUpgrade(name));
    if (upgrades === undefined || requested.length === 0 || !hasPassword) return this.#next(proven, []);
    return pendingUpgrades(upgrades, jid.local, requested).then((tasks) => this.#next(proven, tasks));
  }

  #offersUpgrade(name: string): boolean {
    return upgradesFor(this.#authentication.offered.keys()).includes(name);
  }

  /** The next task or, when none is left, success. */
  #next(proven: Proven<A>, tasks: readonly ScramUpgrade[]): Sasl2Result<A> {
    const [task] = tasks;
    if (task === undefined) {
      this.#progress = undefined;
      return { proven };
    }
    const { data } = proven;
    this.#hasContinued = true;
    // Success does not repeat what the mechanism has said here.
    this.#progress = { step: 'next', proven: { ...proven, data: undefined }, tasks };
    return {
      reply: el(
        'continue',
        { xmlns: NS_SASL2 },
        additionalData(data),
        el('tasks', {}, el('task', {}, task.name)),
        el('text', { 'xml:lang': 'en' }, 'Your client has asked to strengthen what is kept of your password.'),
      ),
    };
  }

  #startTask(element: Element, { proven, tasks }: Progress<A> & { step: 'next' | 'task' }): Sasl2Result<A> {
    const [task] = tasks;
    if (task === undefined || attr(element, 'task') !== task.name) {
      this.#fail('malformed-request', 'This is not the task that was offered.');
    }
    this.#progress = { step: 'task', proven, tasks };
    const salt = el(
      'salt',
      { xmlns: NS_SCRAM_UPGRADE, iterations: String(task.iterations) },
      task.salt.toString('base64'),
    );
    return { reply: el('task-data', { xmlns: NS_SASL2 }, salt) };
  }

  async #finishTask(
    element: Element,
    { proven, tasks }: Progress<A> & { step: 'next' | 'task' },
  ): Promise<Sasl2Result<A>> {
    const [task, ...rest] = tasks;
    const hash = child(element, 'hash', NS_SCRAM_UPGRADE);
    if (task === undefined || hash === undefined) return this.#fail('malformed-request', 'Expected a hash.');
    const saltedPassword = this.#read(() => decodeData(hash));
    try {
      await task.finish(saltedPassword);
    } catch (error) {
      if (error instanceof SaslError) this.#authentication.fail(error);
      throw error;
    }
    return this.#next(proven, rest);
  }

  /** Reads what the client sent; a failure is one of the attempt. */
  #read<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (error instanceof SaslError) this.#authentication.fail(error);
      throw error;
    }
  }

  #fail(condition: 'malformed-request' | 'invalid-mechanism', explanation?: string): never {
    this.#authentication.fail(new SaslError(condition, explanation === undefined ? {} : { text: explanation }));
  }
}

/** `<success/>`; `identifier` is the bare JID, or the full one where a resource is bound. XEP-0388 §2.4.1. */
export function success(data: Buffer | undefined, identifier: JID, results: readonly (Element | undefined)[]): Element {
  return el(
    'success',
    { xmlns: NS_SASL2 },
    additionalData(data),
    el('authorization-identifier', {}, identifier.toString()),
    ...results,
  );
}

/** `<failure/>` with a condition of RFC 6120 and, if need be, one of an extension's. XEP-0388 §2.4.2. */
export function failure(error: Pick<SaslError, 'condition' | 'text'>, application?: Element): Element {
  return el(
    'failure',
    { xmlns: NS_SASL2 },
    el(error.condition, { xmlns: NS_SASL }),
    application,
    error.text === undefined ? undefined : el('text', {}, error.text),
  );
}

function additionalData(data: Buffer | undefined): Element | undefined {
  return data === undefined ? undefined : el('additional-data', {}, data.toString('base64'));
}

function mechanismElement(name: string): Element {
  return el('mechanism', {}, name);
}
