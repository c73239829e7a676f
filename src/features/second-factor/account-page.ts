import type { FeatureHost } from '../../core/feature.ts';
import { SaslError } from '../../errors.ts';
import type { HttpError, HttpRequest, HttpResponse } from '../../http/message.ts';
import type { JID } from '../../jid.ts';
import { OAuthError } from '../../oauth/errors.ts';
import { readForm } from '../../oauth/form.ts';
import { preferredLanguage } from '../shared/language.ts';
import { loginRefusal } from '../shared/login-refusal.ts';
import { page, pageResponse, styleRoute } from '../shared/page.ts';
import { passkeyScriptRoute } from '../shared/passkey-form.ts';
import { originOf } from '../shared/request-origin.ts';
import { insecureAnswer } from '../shared/secure-page.ts';
import { AccountActions } from './account-actions.ts';
import type { Answer, Sent } from './account-forms.ts';
import { AccountOverview } from './account-overview.ts';
import { LANGUAGES, type Language, TEXTS, type Texts } from './account-texts.ts';
import { errorView, loginView, secondStepView } from './account-views.ts';
import type { FactorBook } from './factor-book.ts';
import type { Proofs } from './proofs.ts';
import { type Visit, Visits } from './visits.ts';

const PATH = '/account';
/** Nothing is sent or loaded but what is ours, and forms go nowhere else. */
const POLICY = "default-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

export interface AccountPageOptions {
  readonly host: FeatureHost;
  readonly book: FactorBook;
  readonly proofs: Proofs;
  readonly siteName: string;
}

/** Serves the page on which people protect their accounts and see what has access to them. It works without JavaScript. */
export function serveAccountPage(options: AccountPageOptions): void {
  const { host } = options;
  const accountPage = new AccountPage(options);
  const refuse = (error: HttpError): HttpResponse => accountPage.refused(error);
  host.http('GET', PATH, (request) => insecureAnswer(request, host) ?? accountPage.first(request), { refuse });
  host.http('POST', PATH, (request) => insecureAnswer(request, host) ?? accountPage.sent(request), { refuse });
  host.http('GET', `${PATH}/style.css`, styleRoute);
  host.http('GET', `${PATH}/passkeys.js`, passkeyScriptRoute);
}

class AccountPage {
  readonly #options: AccountPageOptions;
  readonly #visits: Visits;
  readonly #overview: AccountOverview;
  readonly #actions: AccountActions;

  constructor(options: AccountPageOptions) {
    this.#options = options;
    this.#visits = new Visits(options.host, options.proofs);
    const parts = { ...options, visits: this.#visits };
    this.#overview = new AccountOverview(parts);
    this.#actions = new AccountActions({ ...parts, overview: this.#overview });
  }

  async first(request: HttpRequest): Promise<HttpResponse> {
    const language = languageOf(request);
    return this.#respond(language, await this.#login({ texts: TEXTS[language], origin: originOf(request) }));
  }

  async sent(request: HttpRequest): Promise<HttpResponse> {
    const language = languageOf(request);
    const texts = TEXTS[language];
    try {
      const form = await readForm(request);
      const origin = originOf(request);
      const sent = { form, texts, origin, address: request.remoteAddress, when: timeWriter(language) };
      return this.#respond(language, await this.#answer(sent));
    } catch (error) {
      if (!(error instanceof OAuthError)) throw error;
      return this.#respond(language, { view: errorView(texts, texts.error.badRequest), status: 400 });
    }
  }

  /** What no handler sees, and what is wrong with a request as such. */
  refused({ status, message, headers }: HttpError): HttpResponse {
    const texts = TEXTS.en;
    return this.#respond('en', { view: errorView(texts, `${texts.error.other} ${message}`), status, headers });
  }

  #respond(lang: Language, { view, status = 200, headers = {} }: Answer): HttpResponse {
    const { host, siteName } = this.#options;
    const site = { name: siteName, domain: host.domain };
    const document = page({ site, lang, ...view, style: 'account/style.css', scripts: ['account/passkeys.js'] });
    return pageResponse(document, { status, headers, policy: POLICY, isSecret: true });
  }

  async #answer(sent: Sent): Promise<Answer> {
    const { form, texts } = sent;
    const action = form.get('action') ?? '';
    if (action === 'login') return this.#withPassword(sent);
    if (action === 'passkey') return this.#withPasskey(sent);
    const isSecond = action === 'code' || action === 'second-passkey';
    const visit = await this.#visits.read(isSecond ? 'second-step' : 'account', form.get('token'));
    if (visit === undefined) return { ...(await this.#login(sent, { error: texts.login.expired })), status: 403 };
    if (isSecond) return this.#withSecond(sent, visit, action === 'code');
    const done = this.#actions.run(action, visit, sent);
    return (await done) ?? { view: errorView(texts, texts.error.badRequest), status: 400 };
  }

  async #login(
    { texts, origin }: { readonly texts: Texts; readonly origin: string | undefined },
    given: { readonly username?: string | undefined; readonly error?: string } = {},
  ): Promise<Answer> {
    const passkey = await this.#options.proofs.passkeyOptions(undefined, origin);
    return { view: loginView(texts, { ...given, passkey }) };
  }

  async #withPassword(sent: Sent): Promise<Answer> {
    const { form, texts, address } = sent;
    const { host, proofs } = this.#options;
    const username = form.get('username') ?? '';
    try {
      const user = await host.logins.password({ username, password: form.get('password') ?? '', address });
      const visit = await this.#visits.begin(user, false);
      const { isRequired } = await proofs.of(user.jid.local);
      return isRequired ? await this.#second(sent, visit) : await this.#enter(sent, visit);
    } catch (error) {
      return this.#refusal(error, texts.login.wrong, texts, (said) => this.#login(sent, { username, error: said }));
    }
  }

  async #withPasskey(sent: Sent): Promise<Answer> {
    const { texts } = sent;
    try {
      const user = await this.#options.host.users.get((await this.#checkPasskey(sent)).local);
      if (user === undefined) throw new SaslError('not-authorized');
      return await this.#enter(sent, await this.#visits.begin(user, true));
    } catch (error) {
      return this.#refusal(error, texts.login.passkeyWrong, texts, (said) => this.#login(sent, { error: said }));
    }
  }

  async #withSecond(sent: Sent, visit: Visit, isCode: boolean): Promise<Answer> {
    const { form, texts, address } = sent;
    const { proofs } = this.#options;
    try {
      if (isCode) await proofs.checkCode(visit.jid, form.get('code') ?? '', address);
      else if (!(await this.#checkPasskey(sent)).equals(visit.jid)) throw new SaslError('not-authorized');
      return await this.#enter(sent, { ...visit, isProved: true });
    } catch (error) {
      const wrong = isCode ? texts.second.wrong : texts.login.passkeyWrong;
      return this.#refusal(error, wrong, texts, (said) => this.#second(sent, visit, said));
    }
  }

  #checkPasskey({ form, origin, address }: Sent): Promise<JID> {
    const [state, response] = [form.get('state') ?? '', form.get('response') ?? ''];
    return this.#options.proofs.checkPasskey(state, response, origin, address);
  }

  async #second({ texts, origin }: Sent, visit: Visit, error?: string): Promise<Answer> {
    const { proofs } = this.#options;
    const { jid } = visit;
    const { totp, recoveryCodes } = await proofs.of(jid.local);
    const view = secondStepView(texts, {
      jid: jid.toString(),
      token: this.#visits.ticket('second-step', visit),
      error,
      hasApp: totp,
      hasCodes: recoveryCodes > 0,
      passkey: await proofs.passkeyOptions(jid.local, origin),
    });
    return { view };
  }

  async #enter(sent: Sent, visit: Visit): Promise<Answer> {
    this.#options.host.logins.succeeded(visit.jid, sent.address);
    return { view: await this.#overview.view(visit, sent) };
  }

  async #refusal(
    error: unknown,
    wrong: string,
    { login }: Texts,
    again: (said: string) => Promise<Answer>,
  ): Promise<Answer> {
    if (!(error instanceof SaslError)) throw error;
    const refusal = loginRefusal(error, this.#options.host.settings.current);
    const said = refusal.status === 429 ? login.throttled : wrong;
    return { ...(await again(error.condition === 'account-disabled' ? login.disabled : said)), ...refusal };
  }
}

function languageOf({ headers }: HttpRequest): Language {
  return preferredLanguage(headers['accept-language'], LANGUAGES);
}

function timeWriter(language: Language): (at: number) => string {
  const format = new Intl.DateTimeFormat(language, { dateStyle: 'medium', timeStyle: 'short', timeZone: 'UTC' });
  return (at) => `${format.format(at)} UTC`;
}
