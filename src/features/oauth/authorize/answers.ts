import type { HttpResponse } from '../../../http/message.ts';
import { OAuthError } from '../../../oauth/errors.ts';
import { withParameters } from '../../../oauth/redirect-uris.ts';
import type { Approval } from '../approval.ts';
import { grantedClient } from '../issuing.ts';
import type { Provider } from '../provider.ts';
import type { Pages } from './pages.ts';
import { type AuthorizationRequest, BrokenRequest, type ReturnPath } from './request.ts';
import { codeView, endView, errorView } from './views.ts';

/** Where somebody is sent who leaves the pages; it may hold a code, so nothing of it is kept or told. */
const HEADERS = { 'cache-control': 'no-store', pragma: 'no-cache', 'referrer-policy': 'no-referrer' } as const;

/** Answers authorization requests: to the client where that is possible, else to the person. RFC 6749 §4.1.2. */
export class Answers {
  readonly #provider: Provider;
  readonly #pages: Pages;

  constructor(provider: Provider, pages: Pages) {
    this.#provider = provider;
    this.#pages = pages;
  }

  /** Tells the client what went wrong. RFC 6749 §4.1.2.1. */
  async failed(path: ReturnPath, language: string, error: OAuthError): Promise<HttpResponse> {
    const { client, target } = path;
    if (target.kind === 'redirect') {
      return this.#redirect(path, target.uri, { error: error.code, error_description: error.description });
    }
    if (target.kind === 'device') await this.#provider.devices.deny(target.state, client.id);
    const say = this.#pages.say(language, client);
    if (error.code === 'access_denied') return this.#pages.respond(language, endView(say, 'denied'));
    const isBusy = error.code === 'temporarily_unavailable';
    const view = errorView(say, isBusy ? 'error.busy' : 'error.refused', `${error.code}: ${error.description}`);
    return this.#pages.respond(language, view, { status: isBusy ? 503 : error.status });
  }

  /** Gives the client what the owner of the account has approved. Rejects with OAuthError, or BrokenRequest. */
  async approved(request: AuthorizationRequest, language: string, approval: Approval): Promise<HttpResponse> {
    const { client, target, challenge, responseType } = request;
    const say = this.#pages.say(language, client);
    if (target.kind === 'device') {
      const isWaiting = await this.#provider.devices.approve(target.state, client.id, approval);
      if (!isWaiting) throw new BrokenRequest('error.device');
      return this.#pages.respond(language, endView(say, 'granted'), { isSecret: true });
    }
    if (responseType === 'token') return this.#withToken(request, target.uri, approval);
    const facts = { clientHash: client.hash, approval, challenge, redirectUri: target.uri };
    const code = this.#provider.codes.issue(facts);
    if (target.kind === 'redirect') return this.#redirect(request, target.uri, { code });
    return this.#pages.respond(language, codeView(say, code), { isSecret: true });
  }

  // RFC 6749 §4.2.2: there is never a refresh token.
  async #withToken(request: AuthorizationRequest, uri: string, approval: Approval): Promise<HttpResponse> {
    if (request.target.kind !== 'redirect') throw new OAuthError('invalid_request', 'Tokens are for redirects only.');
    const { jid, scopes, role, authenticatedAt, amr } = approval;
    const { accessToken, expiresIn, scope } = await this.#provider.tokens.issue({
      local: jid.local,
      client: grantedClient(request.client),
      scopes,
      role,
      withRefresh: false,
      authenticatedAt,
      facts: { auth_time: authenticatedAt, amr: amr.join(' ') },
    });
    const token = { access_token: accessToken, token_type: 'bearer', expires_in: String(expiresIn), scope };
    return this.#redirect(request, uri, token);
  }

  // 303: what comes next is a GET without the form. RFC 9700 §4.12, RFC 9207.
  #redirect({ state, mode }: ReturnPath, uri: string, parameters: Readonly<Record<string, string>>): HttpResponse {
    const location = withParameters(uri, { ...parameters, state, iss: this.#provider.issuer.url }, mode);
    return { status: 303, headers: { ...HEADERS, location } };
  }
}
