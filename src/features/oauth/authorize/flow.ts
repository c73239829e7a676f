import type { HttpRequest, HttpResponse } from '../../../http/message.ts';
import { OAuthError } from '../../../oauth/errors.ts';
import { type Form, parseQuery, readForm } from '../../../oauth/form.ts';
import type { Provider } from '../provider.ts';
import { Answers } from './answers.ts';
import { ConsentStep } from './consent.ts';
import { Identities, type Identity, type KnownUser } from './identity.ts';
import { EXPIRED, LoginSteps, type Visit } from './login.ts';
import type { Pages } from './pages.ts';
import { type AuthorizationRequest, BrokenRequest, type ReturnPath, readRequest, readReturnPath } from './request.ts';
import { errorView } from './views.ts';

/** The authorization endpoint: the pages on which people let applications in. RFC 6749 §3.1, §4.1. */
export class AuthorizationFlow {
  readonly #provider: Provider;
  readonly #pages: Pages;
  readonly #identities: Identities;
  readonly #answers: Answers;
  readonly #login: LoginSteps;
  readonly #consent: ConsentStep;

  constructor(provider: Provider, pages: Pages) {
    const identities = new Identities(provider.host, provider.keys.flows);
    const answers = new Answers(provider, pages);
    this.#provider = provider;
    this.#pages = pages;
    this.#identities = identities;
    this.#answers = answers;
    this.#login = new LoginSteps({ provider, pages, identities });
    this.#consent = new ConsentStep({ provider, pages, identities, answers });
  }

  /** Shows the first page of a flow. */
  show(http: HttpRequest): Promise<HttpResponse> {
    return this.#withRequest(http, (visit) => this.#login.show(visit));
  }

  /** Takes a form of one of the pages. The request itself is in the query string again. */
  submit(http: HttpRequest): Promise<HttpResponse> {
    return this.#withRequest(http, async (visit) => {
      const form = await readPageForm(http);
      if (form.get('consent') !== undefined || form.get('user_token') !== undefined) return this.#decide(visit, form);
      const outcome = await this.#login.submit(visit, form);
      if ('page' in outcome) return outcome.page;
      const known = await this.#known(outcome.identity);
      return known === undefined ? this.#login.show(visit, EXPIRED) : this.#consent.show(visit, known);
    });
  }

  async #decide(visit: Visit, form: Form): Promise<HttpResponse> {
    const known = await this.#identities.read('consent', visit.request.binding, form.get('user_token'));
    return known === undefined ? this.#login.show(visit, EXPIRED) : this.#consent.submit(visit, known, form);
  }

  async #known(identity: Identity): Promise<KnownUser | undefined> {
    const user = await this.#provider.host.users.get(identity.jid.local);
    return user && { user, identity };
  }

  async #withRequest(http: HttpRequest, run: (visit: Visit) => Promise<HttpResponse>): Promise<HttpResponse> {
    let language = this.#pages.languageOf(http, undefined);
    let path: ReturnPath | undefined;
    try {
      const query = parseQuery(http.query);
      language = this.#pages.languageOf(http, query.get('ui_locales'));
      path = await readReturnPath(this.#provider, query);
      return await run({ request: this.#read(path, query, http), http, language });
    } catch (error) {
      if (error instanceof OAuthError && path !== undefined) return this.#answers.failed(path, language, error);
      return this.#broken(error, language, path);
    }
  }

  #read(path: ReturnPath, query: Form, http: HttpRequest): AuthorizationRequest {
    const binding = { clientId: path.client.id, query: http.query.toString() };
    return readRequest(this.#provider.config, path, query, binding);
  }

  /** Nobody is sent anywhere. RFC 6749 §4.1.2.1. */
  #broken(error: unknown, language: string, path: ReturnPath | undefined): HttpResponse {
    const say = this.#pages.say(language, path?.client);
    const respond = (text: BrokenRequest['text'], details: string): HttpResponse =>
      this.#pages.respond(language, errorView(say, text, details === '' ? undefined : details), { status: 400 });
    if (error instanceof BrokenRequest) return respond(error.text, error.message);
    if (error instanceof OAuthError) return respond('error.malformed', `${error.code}: ${error.description}`);
    throw error;
  }
}

// A form that is malformed was made by no page of ours, and is no business of the client.
async function readPageForm(http: HttpRequest): Promise<Form> {
  try {
    return await readForm(http, ['scope']);
  } catch (error) {
    if (!(error instanceof OAuthError)) throw error;
    throw new BrokenRequest('error.malformed', `${error.code}: ${error.description}`);
  }
}
