import type { FeatureHost } from '../../core/feature.ts';
import type { User } from '../../core/users.ts';
import { SaslError } from '../../errors.ts';
import type { HttpError, HttpRequest, HttpResponse } from '../../http/message.ts';
import { OAuthError } from '../../oauth/errors.ts';
import { type Form, readForm } from '../../oauth/form.ts';
import { type SecondFactors, secondFactors } from '../second-factor/api.ts';
import { notice } from '../shared/form-fields.ts';
import { html } from '../shared/html.ts';
import { preferredLanguage } from '../shared/language.ts';
import { loginRefusal } from '../shared/login-refusal.ts';
import { page, pageResponse, styleRoute } from '../shared/page.ts';
import { passkeyScriptRoute } from '../shared/passkey-form.ts';
import { originOf } from '../shared/request-origin.ts';
import { insecureAnswer } from '../shared/secure-page.ts';
import { Tickets } from '../shared/tickets.ts';
import { isFromHere } from './from-here.ts';
import { LANGUAGES, type Language, TEXTS, type Texts } from './login-texts.ts';
import { loginView, secondStepView, type View } from './login-views.ts';
import type { Viewers } from './viewers.ts';

const PATH = '/dashboard/login';
const POLICY = "default-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";
/** How long the second step may take. */
const STEP_MS = 600_000;

export interface LoginPageOptions {
  readonly host: FeatureHost;
  readonly viewers: Viewers;
}

/** A form that was sent. */
interface Sent {
  readonly form: Form;
  readonly texts: Texts;
  readonly request: HttpRequest;
}

/** A page to show, or where to go. */
interface Answer {
  readonly view: View;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Serves the pages on which administrators log in to the dashboard, and log out. They work without JavaScript. */
export function serveLoginPage(options: LoginPageOptions): void {
  const { host, viewers } = options;
  const login = new LoginPage(options);
  const refuse = (error: HttpError): HttpResponse => login.refused(error);
  host.http('GET', PATH, (request) => insecureAnswer(request, host) ?? login.first(request), { refuse });
  host.http('POST', PATH, (request) => insecureAnswer(request, host) ?? login.sent(request), { refuse });
  host.http('POST', '/dashboard/logout', (request) => {
    // Somebody else's page may not even log people out.
    const headers = isFromHere(request) ? { 'set-cookie': viewers.end(request) } : {};
    return { status: 303, headers: { location: 'login', ...headers } };
  });
  host.http('GET', '/dashboard/style.css', styleRoute);
  host.http('GET', '/dashboard/passkeys.js', passkeyScriptRoute);
}

/** The language of whoever asks. */
export function languageOf({ headers }: HttpRequest): Language {
  return preferredLanguage(headers['accept-language'], LANGUAGES);
}

class LoginPage {
  readonly #host: FeatureHost;
  readonly #viewers: Viewers;
  readonly #tickets: Tickets;

  constructor({ host, viewers }: LoginPageOptions) {
    this.#host = host;
    this.#viewers = viewers;
    this.#tickets = new Tickets({
      sealing: host.grants.sealing,
      clock: host.clock,
      place: `dashboard\0${host.domain}`,
      ttlMs: STEP_MS,
    });
  }

  async first(request: HttpRequest): Promise<HttpResponse> {
    if ((await this.#viewers.visitor(request)) !== undefined) return toDashboard();
    const language = languageOf(request);
    return this.#respond(language, await this.#login(TEXTS[language], request));
  }

  async sent(request: HttpRequest): Promise<HttpResponse> {
    const language = languageOf(request);
    const texts = TEXTS[language];
    try {
      const form = await readForm(request);
      // Somebody else's page must not log people in, so that what they see is not what they think.
      if (!isFromHere(request)) return this.#respond(language, await this.#login(texts, request));
      const answer = await this.#answer({ form, texts, request });
      return 'view' in answer ? this.#respond(language, answer) : answer;
    } catch (error) {
      if (!(error instanceof OAuthError)) throw error;
      return this.#respond(language, { view: problemView(texts, texts.failed), status: 400 });
    }
  }

  /** What no handler sees, and what is wrong with a request as such. */
  refused({ status, message, headers }: HttpError): HttpResponse {
    return this.#respond('en', { view: problemView(TEXTS.en, message), status, headers });
  }

  get #factors(): SecondFactors | undefined {
    return this.#host.find(secondFactors);
  }

  #respond(lang: Language, { view, status = 200, headers = {} }: Answer): HttpResponse {
    const site = { name: this.#host.domain, domain: this.#host.domain };
    const document = page({ site, lang, ...view, style: 'style.css', scripts: ['passkeys.js'] });
    // With less, browsers would not say that a form is ours.
    const all = { 'referrer-policy': 'same-origin', ...headers };
    return pageResponse(document, { status, headers: all, policy: POLICY, isSecret: true });
  }

  async #answer(sent: Sent): Promise<Answer | HttpResponse> {
    const action = sent.form.get('action') ?? '';
    if (action === 'login') return this.#withPassword(sent);
    if (action === 'passkey') return this.#withPasskey(sent);
    if (action === 'code' || action === 'second-passkey') return this.#withSecond(sent, action === 'code');
    return { view: problemView(sent.texts, sent.texts.failed), status: 400 };
  }

  async #login(texts: Texts, request: HttpRequest, username?: string, error?: string): Promise<Answer> {
    const passkey = await this.#factors?.passkeyOptions(undefined, originOf(request));
    return { view: loginView(texts, { username, error, passkey }) };
  }

  async #withPassword(sent: Sent): Promise<Answer | HttpResponse> {
    const { form, texts, request } = sent;
    const username = form.get('username') ?? '';
    const password = form.get('password') ?? '';
    try {
      const user = await this.#host.logins.password({ username, password, address: request.remoteAddress });
      const factors = await this.#factors?.of(user.jid.local);
      return factors?.isRequired === true ? await this.#second(sent, user) : await this.#enter(sent, user, false);
    } catch (error) {
      return this.#refusal(error, texts.wrong, texts, (said) => this.#login(texts, request, username, said));
    }
  }

  async #withPasskey(sent: Sent): Promise<Answer | HttpResponse> {
    const { texts, request } = sent;
    try {
      return await this.#enter(sent, await this.#checkPasskey(sent), true);
    } catch (error) {
      return this.#refusal(error, texts.passkeyWrong, texts, (said) => this.#login(texts, request, undefined, said));
    }
  }

  async #withSecond(sent: Sent, isCode: boolean): Promise<Answer | HttpResponse> {
    const { form, texts, request } = sent;
    const user = await this.#readTicket(form.get('token'));
    if (user === undefined) return { ...(await this.#login(texts, request, undefined, texts.expired)), status: 403 };
    try {
      if (isCode) await this.#factors?.checkCode(user.jid, form.get('code') ?? '', request.remoteAddress);
      else if (!(await this.#checkPasskey(sent)).jid.equals(user.jid)) throw new SaslError('not-authorized');
      return await this.#enter(sent, user, true);
    } catch (error) {
      const wrong = isCode ? texts.second.wrong : texts.passkeyWrong;
      return this.#refusal(error, wrong, texts, (said) => this.#second(sent, user, said));
    }
  }

  async #checkPasskey({ form, request }: Sent): Promise<User> {
    const [state, response] = [form.get('state') ?? '', form.get('response') ?? ''];
    const jid = await this.#factors?.checkPasskey(state, response, originOf(request), request.remoteAddress);
    const user = jid && (await this.#host.users.get(jid.local));
    if (user === undefined) throw new SaslError('not-authorized');
    return user;
  }

  async #second({ texts, request }: Sent, { jid, passwordUpdatedAt }: User, error?: string): Promise<Answer> {
    const factors = await this.#factors?.of(jid.local);
    const view = secondStepView(texts, {
      jid: jid.toString(),
      token: this.#tickets.issue('second-step', { local: jid.local, passwordUpdatedAt }),
      error,
      hasCodes: factors?.totp === true || (factors?.recoveryCodes ?? 0) > 0,
      passkey: await this.#factors?.passkeyOptions(jid.local, originOf(request)),
    });
    return { view };
  }

  /** Whose password was right a moment ago, and still is. */
  async #readTicket(ticket: string | undefined): Promise<User | undefined> {
    const facts = this.#tickets.read('second-step', ticket);
    const user = facts && (await this.#host.users.get(String(facts['local'])));
    // Where nobody asks for a second factor any more, none can be proved.
    if (this.#factors === undefined || user === undefined || user.disabled) return undefined;
    return user.passwordUpdatedAt === facts?.['passwordUpdatedAt'] ? user : undefined;
  }

  async #enter({ texts, request }: Sent, user: User, isProved: boolean): Promise<Answer | HttpResponse> {
    const { logins, log } = this.#host;
    if (!this.#viewers.isAdministrator(user)) {
      log.info('dashboard.refused', { jid: user.jid.toString(), address: request.remoteAddress });
      return { ...(await this.#login(texts, request, undefined, texts.member)), status: 403 };
    }
    logins.succeeded(user.jid, request.remoteAddress);
    return toDashboard({ 'set-cookie': await this.#viewers.begin(user, isProved, request) });
  }

  async #refusal(
    error: unknown,
    wrong: string,
    { throttled, disabled }: Texts,
    again: (said: string) => Promise<Answer>,
  ): Promise<Answer> {
    if (!(error instanceof SaslError)) throw error;
    const refusal = loginRefusal(error, this.#host.settings.current);
    const said = refusal.status === 429 ? throttled : wrong;
    return { ...(await again(error.condition === 'account-disabled' ? disabled : said)), ...refusal };
  }
}

function toDashboard(headers: Readonly<Record<string, string>> = {}): HttpResponse {
  return { status: 303, headers: { location: '../dashboard', ...headers } };
}

function problemView(texts: Texts, said: string): View {
  const body = html`<section class="card"><h1>${texts.title}</h1>${notice(said, 'error')}<p><a href="login">${texts.second.startAgain}</a></p></section>`;
  return { title: texts.title, body };
}
