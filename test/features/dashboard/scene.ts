import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import type { TestContext } from 'node:test';
import { dashboard } from '../../../src/features/dashboard/index.ts';
import type { LiveSample, RecentSamples } from '../../../src/features/dashboard/wire.ts';
import { lastlog } from '../../../src/features/lastlog/index.ts';
import { secondFactor } from '../../../src/features/second-factor/index.ts';
import { usage } from '../../../src/features/usage/index.ts';
import { HttpError, type HttpMethod, type HttpRequest, type HttpResponse } from '../../../src/http/message.ts';
import { settle } from '../../support/manual-clock.ts';
import { DOMAIN, PASSWORD } from '../../support/stage.ts';
import { type Scene as OAuthScene, open, type SceneOptions } from '../oauth/scene.ts';

export const JULIET = `juliet@${DOMAIN}`;

/** How something is asked for. */
export interface Asking {
  readonly headers?: Readonly<Record<string, string>>;
  readonly form?: Readonly<Record<string, string>>;
  readonly secure?: boolean;
  readonly address?: string;
}

/** A stage with the dashboard, an administrator, juliet, and a member, romeo. */
export class Scene {
  readonly oauth: OAuthScene;

  private constructor(oauth: OAuthScene) {
    this.oauth = oauth;
  }

  static async open(t: TestContext, options: Partial<SceneOptions> = {}): Promise<Scene> {
    const oauth = await open(t, { features: [lastlog, usage, secondFactor, dashboard], ...options });
    const { users } = oauth.stage.host;
    if (!(await users.exists('juliet'))) await users.create('juliet', PASSWORD, 'admin');
    return new Scene(oauth);
  }

  get stage() {
    return this.oauth.stage;
  }

  /** Asks for something, and gets the answer as it is before it is sent. */
  async ask(method: HttpMethod, target: string, asking: Asking = {}): Promise<HttpResponse> {
    const { headers = {}, form, secure = true, address = '192.0.2.7' } = asking;
    const { pathname: path, searchParams: query } = new URL(target, 'https://x.example');
    const route = this.stage.routes.find(DOMAIN, path);
    const handler = route?.handlers.get(method);
    assert.ok(route && handler, `nothing is served for ${method} ${path}`);
    const body = form === undefined ? '' : new URLSearchParams(form).toString();
    const all = {
      host: DOMAIN,
      ...(form !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
      ...headers,
    };
    const distinct = Object.fromEntries(Object.entries(all).map(([name, value]) => [name, [value]]));
    const request: HttpRequest = {
      method,
      path,
      query,
      headers: all,
      host: DOMAIN,
      secure,
      remoteAddress: address,
      signal: new AbortController().signal,
      incoming: Object.assign(Readable.from([]), { method, headersDistinct: distinct }) as never,
      body: async () => Buffer.from(body),
    };
    try {
      return await handler(request);
    } catch (error) {
      if (!(error instanceof HttpError)) throw error;
      return route.refuse?.(error) ?? { status: error.status, headers: error.headers, body: error.message };
    }
  }

  /** Logs in by the form; returns the Cookie header that a browser then sends. */
  async logIn(username = 'juliet', password = PASSWORD): Promise<string> {
    const form = { action: 'login', username, password };
    const answer = await this.ask('POST', '/dashboard/login', { form });
    assert.deepEqual([answer.status, answer.headers?.['location']], [303, '../dashboard'], String(answer.body));
    return cookieOf(answer);
  }

  /** The status of asking for the figures. */
  async statusWith(headers: Readonly<Record<string, string>>): Promise<number> {
    return (await this.ask('GET', '/dashboard/figures', { headers })).status;
  }

  /** Looks at the dashboard. */
  async look(headers: Readonly<Record<string, string>>, target = '/dashboard/events'): Promise<Look> {
    const answer = await this.ask('GET', target, { headers });
    assert.equal(answer.status, 200, String(answer.body));
    assert.equal(answer.headers?.['content-type'], 'text/event-stream; charset=utf-8');
    assert.equal(answer.isEndless, true);
    const look = new Look(answer.body);
    await this.pass(0);
    return look;
  }

  /** Lets time pass, and what is to be done by then. */
  async pass(ms: number): Promise<void> {
    await this.stage.clock.advance(ms);
    for (let turn = 0; turn < 5; turn++) await settle();
  }
}

/** What somebody who looks is told. */
export class Look {
  readonly body: Readable;
  #text = '';
  hasEnded = false;

  constructor(body: HttpResponse['body']) {
    assert.ok(body instanceof Readable);
    this.body = body;
    body.on('close', () => {
      this.hasEnded = true;
    });
  }

  /** Reads on, as a connection does that takes everything. */
  flow(): this {
    this.body.on('data', (chunk) => {
      this.#text += chunk;
    });
    return this;
  }

  /** The events so far, by name and data. */
  get events(): readonly (readonly [name: string, data: unknown])[] {
    const found = this.#text.matchAll(/^event: (\w+)\ndata: (.*)\n\n/gm);
    return [...found].map(([, name = '', data = '']) => [name, JSON.parse(data)]);
  }

  get samples(): LiveSample[] {
    return this.events.filter(([name]) => name === 'sample').map(([, data]) => data as LiveSample);
  }

  get recent(): RecentSamples | undefined {
    return this.events.find(([name]) => name === 'recent')?.[1] as RecentSamples | undefined;
  }
}

/** The Cookie header that a browser sends after an answer. */
export function cookieOf({ headers }: HttpResponse): string {
  return headers?.['set-cookie']?.split(';')[0] ?? '';
}
