import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { challengeOf } from '../../../src/oauth/pkce.ts';
import { PASSWORD } from '../../support/stage.ts';
import { type Answer, ISSUER, open, REDIRECT, type Scene, type SceneOptions, VERIFIER } from './scene.ts';

export const CHALLENGE = challengeOf(VERIFIER);
export const AUTHORIZE = '/oauth2/authorize';

export type Query = Readonly<Record<string, string | undefined>>;

/** The pages as a browser without JavaScript uses them; it keeps nothing, as there are no cookies. */
export class AuthorizeScene {
  readonly scene: Scene;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(scene: Scene, headers: Readonly<Record<string, string>> = {}) {
    this.scene = scene;
    this.#headers = headers;
  }

  static async open(t: TestContext, options: SceneOptions = {}): Promise<AuthorizeScene> {
    return new AuthorizeScene(await open(t, options));
  }

  /** The same scene, for somebody whose browser reads a language. */
  reading(language: string): AuthorizeScene {
    return new AuthorizeScene(this.scene, { 'accept-language': language });
  }

  /** The address that a client sends people to. */
  url(clientId: string, query: Query = {}): string {
    const parameters = new URLSearchParams();
    const all: Query = {
      client_id: clientId,
      response_type: 'code',
      redirect_uri: REDIRECT,
      scope: 'openid xmpp',
      state: 'af0ifjsldkj',
      code_challenge: CHALLENGE,
      code_challenge_method: 'S256',
      ...query,
    };
    for (const [name, value] of Object.entries(all)) if (value !== undefined) parameters.set(name, value);
    return `${AUTHORIZE}?${parameters}`;
  }

  get(url: string): Promise<Answer> {
    return this.scene.http('GET', url, { headers: this.#headers });
  }

  /** Sends the form of a page; a field may come several times. */
  send(url: string, fields: Readonly<Record<string, string | readonly string[]>>): Promise<Answer> {
    const body = new URLSearchParams();
    for (const [name, value] of Object.entries(fields)) for (const one of [value].flat()) body.append(name, one);
    const headers = { 'content-type': 'application/x-www-form-urlencoded', ...this.#headers };
    return this.scene.http('POST', url, { headers, body: body.toString() });
  }

  /** Gives name and password. */
  logIn(url: string, username = 'romeo', password = PASSWORD): Promise<Answer> {
    return this.send(url, { username, password });
  }

  /** Logs in and leaves all boxes as they are; returns where the browser is sent. */
  async allow(url: string): Promise<URL> {
    return locationOf(await this.decide(url, await this.logIn(url)));
  }

  /** Decides on the consent page. */
  decide(
    url: string,
    page: Answer,
    { consent = 'granted', scopes = scopesOn(page) }: { consent?: string; scopes?: readonly string[] } = {},
  ): Promise<Answer> {
    return this.send(url, { user_token: fieldOn(page, 'user_token'), consent, scope: scopes });
  }

  /** Exchanges a code for tokens. */
  redeem(
    client: { readonly id: string; readonly secret: string },
    code: string,
    more: Readonly<Record<string, string>> = { code_verifier: VERIFIER },
  ): Promise<Answer> {
    return this.scene.post('/oauth2/token', { grant_type: 'authorization_code', code, ...more }, { as: client });
  }
}

/** The value of a hidden field. */
export function fieldOn({ body }: Answer, name: string): string {
  const value = new RegExp(`name="${name}" value="([^"]*)"`).exec(body)?.[1];
  assert.ok(value !== undefined, `no field ${name} in ${body}`);
  return value;
}

/** The scopes that can be ticked; all of them are. */
export function scopesOn({ body }: Answer): string[] {
  return [...body.matchAll(/<input type="checkbox" name="scope" value="([^"]*)" checked>/g)].map(([, s = '']) => s);
}

/** What a page says went wrong. */
export function alertOn({ body }: Answer): string {
  return /<p[^>]* role="alert">(.*?)<\/p>/.exec(body)?.[1] ?? '';
}

/** The heading of a page. */
export function headingOn({ body }: Answer): string {
  return /<h1>([^<]*)<\/h1>/.exec(body)?.[1] ?? '';
}

/** Where a 303 leads. */
export function locationOf({ status, headers, body }: Answer): URL {
  assert.equal(status, 303, body);
  return new URL(headers.location ?? '');
}

/** Expects a page that tells the person, and nobody else, what went wrong. */
export function onPage(answer: Answer, text: RegExp, status = 400): void {
  assert.equal(answer.status, status, answer.body);
  assert.equal(answer.headers.location, undefined);
  assert.equal(headingOn(answer), 'That does not work');
  assert.match(alertOn(answer), text);
}

/** Expects an error that is told to the client. RFC 6749 §4.1.2.1, RFC 9207. */
export function toClient(answer: Answer, error: string, at = REDIRECT): void {
  const location = locationOf(answer);
  assert.equal(location.href.split('?')[0], at);
  assert.equal(location.searchParams.get('error'), error);
  assert.match(location.searchParams.get('error_description') ?? '', /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
  assert.equal(location.searchParams.get('state'), 'af0ifjsldkj');
  assert.equal(location.searchParams.get('iss'), ISSUER);
  assert.equal(location.searchParams.get('code'), null);
}
