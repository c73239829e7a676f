import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { HttpError, type HttpMethod, type HttpRequest, type HttpResponse } from '../../src/http/message.ts';
import { DOMAIN, type Stage } from './stage.ts';

/** A form of a page, as far as sending it matters. */
export interface PageForm {
  /** What its fields hold by name, escapes undone; buttons that have names excepted. */
  readonly fields: Readonly<Record<string, string>>;
  /** Attributes of the element that begin with `data-`. */
  readonly data: Readonly<Record<string, string>>;
}

/** What a browser without JavaScript sees of an answer. */
export interface SeenPage {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly markup: string;
  readonly forms: readonly PageForm[];
  /** The form whose `action` field has this value, or the one with such a button. */
  form(action: string): PageForm;
}

export interface BrowserOptions {
  readonly language?: string;
  readonly address?: string;
  readonly secure?: boolean;
  readonly host?: string;
}

/** A browser without JavaScript on the stage: reads pages and sends their forms. It keeps nothing, as there are no cookies. */
export class PlainBrowser {
  readonly #stage: Stage;
  readonly #options: BrowserOptions;

  constructor(stage: Stage, options: BrowserOptions = {}) {
    this.#stage = stage;
    this.#options = options;
  }

  /** The origin of the pages, as scripts would see it. */
  get origin(): string {
    const { secure = true, host = DOMAIN } = this.#options;
    return `${secure ? 'https' : 'http'}://${host}`;
  }

  get(path: string): Promise<SeenPage> {
    return this.#request('GET', path, undefined);
  }

  post(path: string, fields: Readonly<Record<string, string>>): Promise<SeenPage> {
    return this.#request('POST', path, new URLSearchParams(fields).toString());
  }

  /** Sends a body as it is. */
  send(path: string, body: string | Buffer, type = 'application/x-www-form-urlencoded'): Promise<SeenPage> {
    return this.#request('POST', path, body, type);
  }

  /** Sends a form of a page, with what a person filled in. */
  submit(path: string, form: PageForm, filled: Readonly<Record<string, string>> = {}): Promise<SeenPage> {
    return this.post(path, { ...form.fields, ...filled });
  }

  async #request(
    method: HttpMethod,
    target: string,
    body: string | Buffer | undefined,
    type = 'application/x-www-form-urlencoded',
  ): Promise<SeenPage> {
    const { language, address = '192.0.2.7', secure = true, host = DOMAIN } = this.#options;
    const { pathname: path, searchParams: query } = new URL(target, 'https://x.example');
    const route = this.#stage.routes.find(DOMAIN, path);
    const handler = route?.handlers.get(method);
    assert.ok(route && handler, `nothing is served for ${method} ${path}`);
    const headers = {
      host,
      ...(language !== undefined && { 'accept-language': language }),
      ...(body !== undefined && { 'content-type': type }),
    };
    const request: HttpRequest = {
      method,
      path,
      query,
      headers,
      host: DOMAIN,
      secure,
      remoteAddress: address,
      signal: new AbortController().signal,
      // Nothing that pages do looks at the request itself.
      incoming: Readable.from([]) as never,
      body: async (maxBytes) => {
        const bytes = Buffer.from(body ?? '');
        if (bytes.length > maxBytes) throw new HttpError(413, 'too large');
        return bytes;
      },
    };
    try {
      return seen(await handler(request));
    } catch (error) {
      if (!(error instanceof HttpError) || route.refuse === undefined) throw error;
      return seen(route.refuse(error));
    }
  }
}

function seen({ status, headers = {}, body }: HttpResponse): SeenPage {
  const markup = String(body ?? '');
  const forms = [...markup.matchAll(/<form\b([^>]*)>(.*?)<\/form>/gs)].map(([, tag = '', inner = '']) => ({
    fields: fieldsOf(inner),
    data: Object.fromEntries(
      [...tag.matchAll(/\bdata-([\w-]+)="([^"]*)"/g)].map(([, n = '', v = '']) => [n, unescaped(v)]),
    ),
    inner,
  }));
  return {
    status,
    headers,
    markup,
    forms,
    form(action) {
      const found = forms.find(
        ({ fields, inner }) => fields['action'] === action || inner.includes(`name="action" value="${action}"`),
      );
      assert.ok(found, `no form ${action} in ${markup}`);
      return { fields: { ...found.fields, action }, data: found.data };
    },
  };
}

function fieldsOf(inner: string): Record<string, string> {
  const inputs = [...inner.matchAll(/<input\b([^>]*)>/g)].map(([, tag = '']) => tag);
  return Object.fromEntries(
    inputs.map((tag) => [attribute(tag, 'name'), attribute(tag, 'value')]).filter(([name]) => name !== ''),
  );
}

function attribute(tag: string, name: string): string {
  return unescaped(new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1] ?? '');
}

function unescaped(text: string): string {
  const named: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', '#39': "'", amp: '&' };
  return text.replace(/&(lt|gt|quot|#39|amp);/g, (_, name: string) => named[name] ?? '');
}
