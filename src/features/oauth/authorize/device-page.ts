import type { HttpRequest, HttpResponse } from '../../../http/message.ts';
import { addressGroup } from '../../../net/address.ts';
import { DEVICE_CODE } from '../../../oauth/client.ts';
import { OAuthError } from '../../../oauth/errors.ts';
import { type Form, parseQuery } from '../../../oauth/form.ts';
import { OAUTH_PATHS } from '../../../oauth/server-metadata.ts';
import type { DevicePage } from '../device-endpoint.ts';
import type { Provider } from '../provider.ts';
import type { Pages } from './pages.ts';
import type { TextName } from './texts.ts';
import { deviceView } from './views.ts';

/** In UTF-16 units: room for the code however people write it. */
const MAX_CODE = 32;

/** The page on which people type the code that a device shows. RFC 8628 §3.3. */
export class DeviceCodePage implements DevicePage {
  readonly #provider: Provider;
  readonly #pages: Pages;

  constructor(provider: Provider, pages: Pages) {
    this.#provider = provider;
    this.#pages = pages;
  }

  /** Shows the form; a code in the address is filled in, and not used up: links are looked at by more than people. */
  show(http: HttpRequest): HttpResponse {
    return this.#page(http, { userCode: queryOf(http)?.get('user_code')?.slice(0, MAX_CODE) });
  }

  /** Uses the code up and goes on to the login. */
  async submit(http: HttpRequest, form: Form): Promise<HttpResponse> {
    const userCode = form.get('user_code')?.slice(0, MAX_CODE) ?? '';
    try {
      const claim = await this.#provider.devices.claim(userCode, addressGroup(http.remoteAddress));
      if (claim === undefined) return this.#page(http, { userCode, error: 'device.wrong' }, { status: 400 });
      const { clientId, state } = claim;
      const query = new URLSearchParams({ client_id: clientId, redirect_uri: DEVICE_CODE, state });
      const location = `${this.#provider.issuer.url}${OAUTH_PATHS.authorize}?${query}`;
      return { status: 303, headers: { location, 'cache-control': 'no-store', 'referrer-policy': 'no-referrer' } };
    } catch (error) {
      if (!(error instanceof OAuthError) || error.status !== 429) throw error;
      return this.#page(http, { error: 'device.throttled' }, error);
    }
  }

  #page(
    http: HttpRequest,
    given: { readonly userCode?: string | undefined; readonly error?: TextName },
    { status = 200, headers = {} }: { status?: number; headers?: Readonly<Record<string, string>> } = {},
  ): HttpResponse {
    const language = this.#pages.languageOf(http, queryOf(http)?.get('ui_locales'));
    const view = deviceView(this.#pages.say(language), given);
    return this.#pages.respond(language, view, { status, headers, isSecret: true });
  }
}

// What is malformed in the address is nothing to this page.
function queryOf({ query }: HttpRequest): Form | undefined {
  try {
    return parseQuery(query);
  } catch (error) {
    if (error instanceof OAuthError) return undefined;
    throw error;
  }
}
