import assert from 'node:assert/strict';
import { type IncomingHttpHeaders, request } from 'node:http';
import { createServer } from 'node:net';
import type { TestContext } from 'node:test';
import { ownRole } from '../../../src/core/roles.ts';
import { bind2 } from '../../../src/features/bind2.ts';
import { clientManagement } from '../../../src/features/client-management/index.ts';
import { fast } from '../../../src/features/fast/index.ts';
import type { Approval } from '../../../src/features/oauth/approval.ts';
import { oauthTelling } from '../../../src/features/oauth/index.ts';
import type { Provider } from '../../../src/features/oauth/provider.ts';
import { roleOfScopes } from '../../../src/features/oauth/rights.ts';
import { sasl2 } from '../../../src/features/sasl2.ts';
import { vcard } from '../../../src/features/vcard/index.ts';
import { HttpServer } from '../../../src/http/server.ts';
import { listen } from '../../../src/net/listen.ts';
import { challengeOf } from '../../../src/oauth/pkce.ts';
import { DOMAIN, PASSWORD, Stage, type StageOptions } from '../../support/stage.ts';

export const ISSUER = `https://${DOMAIN}`;

/** The example of RFC 7636, Appendix B. */
export const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
export const REDIRECT = 'https://garden.example/signed-in';

/** The grant type of RFC 8628. */
export const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';

/** What a website registers. */
export const WEB = {
  client_name: 'Garden diary',
  client_uri: 'https://garden.example/',
  redirect_uris: [REDIRECT],
  grant_types: ['authorization_code', 'refresh_token'],
};

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  /** The body as JSON. */
  readonly json: Record<string, unknown>;
}

export interface SceneOptions extends Partial<StageOptions> {
  /** The options of the feature. */
  readonly oauth?: Readonly<Record<string, unknown>> | false;
}

/** How a request is sent; a form is encoded. */
export interface Sending {
  readonly headers?: Readonly<Record<string, string>>;
  readonly form?: Readonly<Record<string, string>>;
  readonly json?: unknown;
  readonly body?: string | Uint8Array;
  /** Sent as Basic, as RFC 6749 §2.3.1 wants it. */
  readonly as?: { readonly id: string; readonly secret: string };
}

/** A stage with OAuth behind an HTTP server on a real socket, and a user, romeo. */
export async function open(t: TestContext, options: SceneOptions = {}) {
  const { features = [], oauth: config = {}, ...rest } = options;
  let opened: Provider | undefined;
  const oauth = oauthTelling((provider) => {
    opened = provider;
  });
  const stage = await Stage.open(t, {
    ...rest,
    features: [vcard, sasl2, bind2, fast, clientManagement, ...features, oauth],
    config: {
      http: { publicUrl: ISSUER },
      // Clients that wait for days are not silent but patient.
      limits: {
        timeouts: { silenceMs: 2_000_000_000 },
        traffic: { stanzas: null, bytes: null },
        connections: { unauthenticatedPerAddress: null, attemptsPerAddress: null },
      },
      ...options.config,
      features: {
        clientManagement: { notifyNewClients: 'none' },
        oauth: config,
        ...(options.config?.['features'] as object | undefined),
      },
    },
  });
  if (!(await stage.host.users.exists('romeo'))) await stage.host.users.create('romeo', PASSWORD);
  const server = new HttpServer({
    routes: stage.routes,
    log: stage.log,
    clock: stage.clock,
    isTrustedProxy: (address) => address === '127.0.0.1',
  });
  const listener = createServer((socket) => server.accept(socket, false));
  const { port } = await listen(listener, { address: '127.0.0.1', port: 0 });
  t.after(async () => {
    listener.close();
    const closing = server.close(0);
    await stage.clock.advance(0);
    await closing;
    assert.deepEqual(
      stage.log.records.filter(({ event }) => event === 'http.handler_failed'),
      [],
      'nothing answers 500',
    );
  });

  const http = (method: string, path: string, sending: Sending = {}): Promise<Answer> =>
    ask(port, method, path, sending);
  const post = (path: string, form: Readonly<Record<string, string>>, more: Omit<Sending, 'form'> = {}) =>
    http('POST', path, { ...more, form });
  /** Registers a client; what it says of itself is on top of the above. */
  const register = async (metadata: Readonly<Record<string, unknown>> = {}) => {
    const answer = await http('POST', '/oauth2/register', { json: { ...WEB, ...metadata } });
    assert.equal(answer.status, 201, answer.body);
    return { id: String(answer.json['client_id']), secret: String(answer.json['client_secret']) };
  };
  const provider = (): Provider => opened ?? assert.fail('OAuth is off');
  /** What an owner grants. */
  const approval = async (scope: string, more: Partial<Approval> = {}): Promise<Approval> => {
    const { host, clock } = stage;
    const user = (await host.users.get(more.jid?.local ?? 'romeo')) ?? assert.fail('there is no such user');
    const scopes = scope.split(' ');
    const role = roleOfScopes(scopes, ownRole(stage.settings.current, user));
    return { jid: user.jid, scopes, role, authenticatedAt: clock.now(), amr: ['pwd'], nonce: undefined, ...more };
  };
  /** A code as the pages make one, which needs the verifier. */
  const codeFor = async (client: Credentials, scope = 'xmpp openid', more: Partial<Approval> = {}): Promise<string> => {
    const { codes, keys } = provider();
    const { hash } = (await keys.registration.verify(client.id)) ?? assert.fail('no client');
    const challenge = { challenge: challengeOf(VERIFIER), method: 'S256' } as const;
    return codes.issue({ clientHash: hash, approval: await approval(scope, more), challenge, redirectUri: REDIRECT });
  };
  /** Exchanges such a code for tokens. */
  const tokensFor = async (client: Credentials, scope?: string, more?: Partial<Approval>): Promise<Tokens> => {
    const code = await codeFor(client, scope, more);
    const answer = await post('/oauth2/token', codeForm(code), { as: client });
    assert.equal(answer.status, 200, answer.body);
    return { access: String(answer.json['access_token']), refresh: String(answer.json['refresh_token']), answer };
  };
  return { stage, clock: stage.clock, http, post, register, provider, approval, codeFor, tokensFor };
}

export interface Credentials {
  readonly id: string;
  readonly secret: string;
}

export interface Tokens {
  readonly access: string;
  readonly refresh: string;
  readonly answer: Answer;
}

/** The form that exchanges a code. */
export function codeForm(code: string): Record<string, string> {
  return { grant_type: 'authorization_code', code, code_verifier: VERIFIER };
}

export type Scene = Awaited<ReturnType<typeof open>>;

/** What a JWT says; its signature is not looked at. */
export function payloadOf(jwt: string): Record<string, unknown> {
  return parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString());
}

/** Expects an error of RFC 6749 §5.2. */
export function refused(answer: Answer, error: string, status = 400): void {
  assert.deepEqual([answer.status, answer.json['error']], [status, error], answer.body);
  assert.match(String(answer.json['error_description']), /^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/);
  assert.equal(answer.headers['content-type'], 'application/json');
  assert.equal(answer.headers['cache-control'], 'no-store');
}

function ask(port: number, method: string, path: string, { headers = {}, form, json, body, as }: Sending) {
  const content =
    body ??
    (form === undefined
      ? json === undefined
        ? undefined
        : JSON.stringify(json)
      : new URLSearchParams(form).toString());
  const type = form === undefined ? 'application/json' : 'application/x-www-form-urlencoded';
  const basic = as && `${encodeURIComponent(as.id)}:${encodeURIComponent(as.secret)}`;
  const all = {
    host: DOMAIN,
    ...(content === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(content) }),
    ...(basic === undefined ? {} : { authorization: `Basic ${Buffer.from(basic).toString('base64')}` }),
    ...headers,
  };
  return new Promise<Answer>((resolve, reject) => {
    const asking = request({ host: '127.0.0.1', port, method, path, headers: all, agent: false });
    asking.on('error', reject).on('response', (response) => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk) => {
        text += chunk;
      });
      response.on('error', reject).on('end', () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text, json: parse(text) });
      });
    });
    asking.end(content);
  });
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
