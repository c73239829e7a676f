import { SaslError } from '../../../errors.ts';
import type { HttpRequest, HttpResponse } from '../../../http/message.ts';
import type { JID } from '../../../jid.ts';
import type { CounterMetric } from '../../../metrics/metrics.ts';
import { OAuthError } from '../../../oauth/errors.ts';
import type { Form } from '../../../oauth/form.ts';
import { type SecondFactors, secondFactors } from '../../second-factor/api.ts';
import { loginRefusal } from '../../shared/login-refusal.ts';
import { originOf } from '../../shared/request-origin.ts';
import { provedAt } from '../approval.ts';
import type { Provider } from '../provider.ts';
import { AMR, type Identities, type Identity } from './identity.ts';
import { LoginLimits } from './login-limits.ts';
import type { Pages } from './pages.ts';
import type { AuthorizationRequest } from './request.ts';
import type { TextName } from './texts.ts';
import { loginView, secondView, type View } from './views.ts';

/** Somebody who has come with an authorization request. */
export interface Visit {
  readonly request: AuthorizationRequest;
  readonly http: HttpRequest;
  readonly language: string;
}

/** What a form led to: all is proved, or there is another page. */
export type LoginOutcome = { readonly identity: Identity } | { readonly page: HttpResponse };

/** What a refused try is answered with. */
interface Refusal {
  readonly error: TextName;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
}

export interface LoginStepsOptions {
  readonly provider: Provider;
  readonly pages: Pages;
  readonly identities: Identities;
}

/** The pages on which people prove who they are: a password, and what else the account asks for; or a passkey alone. */
export class LoginSteps {
  readonly #options: LoginStepsOptions;
  readonly #limits: LoginLimits;
  readonly #logins: CounterMetric<'outcome'>;

  constructor(options: LoginStepsOptions) {
    const { host } = options.provider;
    this.#options = options;
    this.#limits = new LoginLimits(host.clock);
    this.#logins = host.metrics.counter({
      name: 'oauth_logins_total',
      help: 'Logins on the pages of OAuth, by what came of them.',
      labels: ['outcome'],
    });
  }

  /** The first page. */
  async show(
    visit: Visit,
    { username, ...refusal }: Partial<Refusal> & { readonly username?: string | undefined } = {},
  ): Promise<HttpResponse> {
    const { request, http, language } = visit;
    const { pages, provider } = this.#options;
    const say = pages.say(language, request.client);
    const view = loginView(say, {
      username: (username ?? request.loginHint)?.slice(0, MAX_NAME),
      error: refusal.error,
      passkey: await provider.host.find(secondFactors)?.passkeyOptions(undefined, originOf(http)),
      isForDevice: request.target.kind === 'device',
    });
    return this.#respond(visit, view, refusal);
  }

  /** Takes a form of these pages. */
  async submit(visit: Visit, form: Form): Promise<LoginOutcome> {
    if (form.get('login_token') !== undefined) return this.#second(visit, form);
    if (form.get('response') !== undefined) return this.#passkeyAlone(visit, form);
    return this.#password(visit, form);
  }

  async #password(visit: Visit, form: Form): Promise<LoginOutcome> {
    const { host } = this.#options.provider;
    const username = form.get('username') ?? '';
    const password = form.get('password') ?? '';
    const address = visit.http.remoteAddress;
    // A password that is changed from now on voids what comes of this one.
    const now = host.clock.now();
    const tried = await this.#try(host.logins.localOf(username), address, 'login.wrong', async () => {
      return (await host.logins.password({ username, password, address })).jid;
    });
    if ('error' in tried) return { page: await this.show(visit, { username, ...tried }) };
    const authenticatedAt = await provedAt(host, tried.jid, now);
    const identity = { jid: tried.jid, authenticatedAt, amr: AMR.password };
    if (await this.#options.identities.isEnough(identity)) return this.#proved(identity, address);
    return { page: await this.#showSecond(visit, identity) };
  }

  async #passkeyAlone(visit: Visit, form: Form): Promise<LoginOutcome> {
    const { host } = this.#options.provider;
    const address = visit.http.remoteAddress;
    const now = host.clock.now();
    const check = () => this.#checkPasskey(visit, form);
    const tried = await this.#try(undefined, address, 'login.passkeyWrong', check);
    if ('error' in tried) return { page: await this.show(visit, tried) };
    const authenticatedAt = await provedAt(host, tried.jid, now);
    return this.#proved({ jid: tried.jid, authenticatedAt, amr: AMR.passkey }, address);
  }

  async #second(visit: Visit, form: Form): Promise<LoginOutcome> {
    const { identities } = this.#options;
    const known = await identities.read('second', visit.request.binding, form.get('login_token'));
    if (known === undefined) return { page: await this.show(visit, EXPIRED) };
    const { identity } = known;
    const { jid } = identity;
    const address = visit.http.remoteAddress;
    const isPasskey = form.get('response') !== undefined;
    const tried = await this.#try(jid.local, address, isPasskey ? 'login.passkeyWrong' : 'second.wrong', async () => {
      if (!isPasskey) await this.#factors.checkCode(jid, form.get('code') ?? '', address);
      else if (!(await this.#checkPasskey(visit, form)).equals(jid)) throw new SaslError('not-authorized');
      return jid;
    });
    if ('error' in tried) return { page: await this.#showSecond(visit, identity, tried) };
    return this.#proved({ ...identity, amr: isPasskey ? AMR.secondPasskey : AMR.code }, address);
  }

  async #showSecond(visit: Visit, identity: Identity, refusal: Partial<Refusal> = {}): Promise<HttpResponse> {
    const { provider, pages, identities } = this.#options;
    const { request, http, language } = visit;
    const { local } = identity.jid;
    const factors = provider.host.find(secondFactors);
    const has = await factors?.of(local);
    const say = pages.say(language, request.client, { account: identity.jid.toString() });
    const view = secondView(say, {
      token: await identities.token('second', request.binding, identity),
      error: refusal.error,
      hasApp: has?.totp === true,
      hasCodes: (has?.recoveryCodes ?? 0) > 0,
      passkey: await factors?.passkeyOptions(local, originOf(http)),
    });
    return this.#respond(visit, view, refusal);
  }

  /** Runs a check of what somebody gave, within the limits. */
  async #try(
    account: string | undefined,
    address: string,
    wrong: TextName,
    check: () => Promise<JID>,
  ): Promise<{ readonly jid: JID } | Refusal> {
    try {
      const attempt = this.#limits.begin(account, address);
      const jid = await check();
      attempt.succeeded();
      return { jid };
    } catch (error) {
      const refusal = this.#refusalOf(error, wrong);
      this.#logins.add({ outcome: refusal.status === 429 ? 'throttled' : 'refused' });
      return refusal;
    }
  }

  #refusalOf(error: unknown, wrong: TextName): Refusal {
    if (error instanceof OAuthError) return { error: 'login.throttled', status: error.status, headers: error.headers };
    if (!(error instanceof SaslError)) throw error;
    const refusal = loginRefusal(error, this.#options.provider.host.settings.current);
    if (refusal.status === 429) return { error: 'login.throttled', ...refusal };
    return { error: error.condition === 'account-disabled' ? 'login.disabled' : wrong, ...refusal };
  }

  async #checkPasskey({ http }: Visit, form: Form): Promise<JID> {
    const [state, response] = [form.get('state') ?? '', form.get('response') ?? ''];
    return this.#factors.checkPasskey(state, response, originOf(http), http.remoteAddress);
  }

  // Where there are none, nothing proves anything.
  get #factors(): SecondFactors {
    const factors = this.#options.provider.host.find(secondFactors);
    if (factors === undefined) throw new SaslError('not-authorized');
    return factors;
  }

  #proved(identity: Identity, address: string): LoginOutcome {
    this.#logins.add({ outcome: 'succeeded' });
    this.#options.provider.host.logins.succeeded(identity.jid, address);
    return { identity };
  }

  #respond({ language }: Visit, view: View, { status = 200, headers = {} }: Partial<Refusal>): HttpResponse {
    return this.#options.pages.respond(language, view, { status, headers, isSecret: view.name === 'second' });
  }
}

/** What is said to whoever comes with a token that is not good any more. */
export const EXPIRED: Refusal = { error: 'login.expired', status: 403, headers: {} };

/** In UTF-16 units; what is longer is nobody's name. */
const MAX_NAME = 2048;
