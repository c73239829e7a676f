import { createHash } from 'node:crypto';
import type { FeatureHost } from '../../../core/feature.ts';
import { HttpError, type HttpHandler, type HttpRequest, type HttpResponse } from '../../../http/message.ts';
import type { Client } from '../../../oauth/client.ts';
import { preferredLanguage } from '../../shared/language.ts';
import { assetResponse, type PageAnswer, page, pageResponse } from '../../shared/page.ts';
import { STYLE } from '../../shared/page-style.ts';
import type { OAuthConfig } from '../config.ts';
import { OAUTH_STYLE } from './style.ts';
import { BUILT_IN, readTemplates, type Templates } from './templates.ts';
import { errorView, nameOf, Say, type TextValues, type View } from './views.ts';

/** In the path of files of the operator. */
const ASSETS = '/oauth2/assets/';

/** Renders the pages of one host, with the templates of its operator. */
export class Pages {
  readonly #siteName: string;
  readonly #domain: string;
  readonly #config: Pick<OAuthConfig, 'securityPolicy' | 'templatePath'>;
  #templates: Templates = BUILT_IN;
  #style = '';
  #styleVersion = '';

  constructor(host: Pick<FeatureHost, 'domain'>, config: OAuthConfig) {
    this.#siteName = config.siteName ?? host.domain;
    this.#domain = host.domain;
    this.#config = config;
    this.#use(BUILT_IN);
  }

  /** Reads the templates, again or for the first time; until then they are those that are built in. Rejects with TypeError. */
  async reload(): Promise<void> {
    const { templatePath } = this.#config;
    this.#use(templatePath === null ? BUILT_IN : await readTemplates(templatePath));
  }

  /** The language for a person: the application knows best (OpenID Connect Core §3.1.2.1), then the browser. */
  languageOf({ headers }: Pick<HttpRequest, 'headers'>, uiLocales: string | undefined): string {
    const { languages } = this.#templates;
    const named = preferredLanguage(uiLocales?.replaceAll(' ', ','), ['', ...languages]);
    return named === '' ? preferredLanguage(headers['accept-language'], languages) : named;
  }

  /** The texts in a language; those of a client that it registered in several are in the same. */
  say(language: string, client?: Client, values: Partial<TextValues> = {}): Say {
    const name = client?.localised('client_name', language);
    return new Say(this.#templates.texts(language), {
      site: this.#siteName,
      ...(name !== undefined && { client: nameOf(name) }),
      ...values,
    });
  }

  /** Answers with a page. */
  respond(lang: string, view: View, answer: PageAnswer = {}): HttpResponse {
    const { header, footer, frames } = this.#templates;
    const values = { siteName: this.#siteName, domain: this.#domain, lang };
    const document = page({
      site: { name: this.#siteName, domain: this.#domain },
      title: view.title,
      lang,
      body: frames[view.name]?.fill({ ...values, content: view.body }) ?? view.body,
      style: `style.css?${this.#styleVersion}`,
      scripts: view.name === 'login' || view.name === 'second' ? ['passkeys.js'] : [],
      header: header?.fill(values),
      footer: footer?.fill(values),
    });
    return pageResponse(document, { policy: this.#policy, ...answer });
  }

  /** Answers errors that no handler has seen. */
  refused({ status, message, headers }: HttpError): HttpResponse {
    return this.respond('en', errorView(this.say('en'), 'error.other', message), { status, headers });
  }

  /** Serves the style. */
  get style(): HttpHandler {
    return () => assetResponse('text/css; charset=utf-8', this.#style);
  }

  /** Serves the files of the operator. */
  get assets(): HttpHandler {
    return ({ path }) => {
      const asset = this.#templates.assets.get(path.slice(ASSETS.length));
      if (asset === undefined) throw new HttpError(404, 'Not found.');
      return assetResponse(asset.type, asset.bytes);
    };
  }

  // Of directives that come twice, browsers take the first. Content Security Policy Level 3 §2.2.1.
  get #policy(): string {
    return `frame-ancestors 'none'; base-uri 'none'; ${this.#config.securityPolicy}; img-src 'self' data:`;
  }

  #use(templates: Templates): void {
    this.#templates = templates;
    this.#style = STYLE + OAUTH_STYLE + templates.style;
    this.#styleVersion = createHash('sha256').update(this.#style).digest('hex').slice(0, 8);
  }
}

/** Where files of the operator are served. */
export const ASSETS_PATH = ASSETS;
