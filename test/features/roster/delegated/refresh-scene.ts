import { createHmac } from 'node:crypto';
import { request } from 'node:http';
import { createServer } from 'node:net';
import type { TestContext } from 'node:test';
import { Secret } from '../../../../src/config/secret.ts';
import type { Reconfigurable } from '../../../../src/core/feature.ts';
import {
  type DelegatedRosterService,
  type DelegationStatus,
  delegatedRosters,
  type FetchFailure,
  type RefreshOutcome,
} from '../../../../src/features/roster/api.ts';
import { type RefreshOptions, serveRefresh } from '../../../../src/features/roster/delegated/refresh-endpoint.ts';
import { HttpServer } from '../../../../src/http/server.ts';
import { listen } from '../../../../src/net/listen.ts';
import { DOMAIN, Stage } from '../../../support/stage.ts';

/** Rosters that are somebody else's, played by the test. */
export class ScriptedRosters implements DelegatedRosterService {
  /** The names of each refresh. */
  readonly refreshes: string[][] = [];
  /** Whose rosters cannot be fetched, and why. */
  readonly failing = new Map<string, FetchFailure>();
  /** What has to happen before a refresh is done. */
  until: Promise<void> = Promise.resolve();
  current: DelegationStatus = { source: 'http', state: 'working', fetching: 0, waiting: 0, loaded: 0, copies: 0 };

  async refresh(locals: ReadonlySet<string>): Promise<RefreshOutcome> {
    this.refreshes.push([...locals]);
    await this.until;
    const failed = new Map([...this.failing].filter(([local]) => locals.has(local)));
    return { updated: [...locals].filter((local) => !failed.has(local)), failed };
  }

  status(): DelegationStatus {
    return this.current;
  }
}

/** The options of the call, secrets as plain text. */
export interface PlainOptions {
  readonly bearerTokens?: readonly string[];
  readonly hmacSecrets?: readonly string[];
  readonly allowAddresses?: readonly string[];
  readonly namesPerMinute?: number;
}

/** An answer; `json` is undefined for one without a body. */
export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly json: unknown;
}

export interface Call {
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Uint8Array;
  /** The address of this machine that it comes from. */
  readonly from?: string;
}

/** A stage with the call by which an application tells of changes, on a real socket. */
export async function open(t: TestContext, plain: PlainOptions = {}, isTrustedProxy = (_: string) => false) {
  const rosters = new ScriptedRosters();
  let endpoint: Reconfigurable<RefreshOptions> | undefined;
  const feature = {
    name: 'delegatedRoster',
    specs: [],
    setup: (host: Parameters<typeof serveRefresh>[0]) => {
      host.provide(delegatedRosters, rosters);
      endpoint = serveRefresh(host, rosters, optionsOf(plain));
    },
  };
  const stage = await Stage.open(t, { features: [feature] });
  const { routes, log, clock } = stage;
  const server = new HttpServer({ routes, log, clock, isTrustedProxy });
  const listener = createServer((socket) => server.accept(socket, false));
  const { port } = await listen(listener, { address: '127.0.0.1', port: 0 });
  t.after(async () => {
    listener.close();
    const closing = server.close(0);
    await clock.advance(0);
    await closing;
  });
  return {
    stage,
    rosters,
    port,
    http: (method: string, path: string, call: Call = {}) => ask(port, method, path, call),
    post: (names: unknown, call: Call = {}) =>
      ask(port, 'POST', '/roster_admin/refresh', { body: JSON.stringify(names), ...call }),
    get: (name: string, call: Call = {}) => ask(port, 'GET', `/roster_admin/refresh/${name}`, call),
    configure: (options: PlainOptions) => endpoint?.configure(optionsOf(options)),
    /** The seconds of the clock that stands still. */
    timestamp: (): string => String(Math.floor(clock.now() / 1000)),
  };
}

/** The headers of a signed request. */
export function signature(secret: string, timestamp: string, content: string | Uint8Array): Record<string, string> {
  const hmac = createHmac('sha256', secret).update(`${timestamp}.`).update(content);
  return { 'x-timestamp': timestamp, 'x-signature': `sha256=${hmac.digest('hex')}` };
}

function optionsOf({ bearerTokens = [], hmacSecrets = [], allowAddresses = [], namesPerMinute = 600 }: PlainOptions) {
  const secrets = (texts: readonly string[]): Secret[] => texts.map((text) => new Secret(text));
  return { bearerTokens: secrets(bearerTokens), hmacSecrets: secrets(hmacSecrets), allowAddresses, namesPerMinute };
}

function ask(port: number, method: string, path: string, { headers = {}, body, from = '127.0.0.1' }: Call) {
  return new Promise<Answer>((resolve, reject) => {
    const asking = request({ host: '127.0.0.1', port, method, path, agent: false, localAddress: from });
    asking.setHeader('host', DOMAIN);
    const isChunked = headers['transfer-encoding'] !== undefined;
    if (body !== undefined && !isChunked) asking.setHeader('content-length', Buffer.byteLength(body));
    for (const [name, value] of Object.entries(headers)) asking.setHeader(name, value);
    asking.on('error', reject).on('response', async (response) => {
      const text = (await response.setEncoding('utf8').toArray()).join('');
      const json: unknown = text.startsWith('{') ? JSON.parse(text) : text === '' ? undefined : text;
      resolve({ status: response.statusCode ?? 0, headers: response.headers, json });
    });
    // Of a text Node would write the header in the same encoding.
    asking.end(body === undefined ? undefined : Buffer.from(body));
  });
}
