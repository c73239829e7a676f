import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { TestContext } from 'node:test';

/** A contact list as the application answers it: JSON, right or wrong. */
export type ContactsJson = Readonly<Record<string, unknown>>;

/**
 * What goes wrong for one user: the backend never answers (`hang`), answers once `release` is called (`hold`), ends the
 * connection before (`reset`) or in the middle of the body (`half`), says less than it announced, sends a page, sends
 * elsewhere, answers with a status, with a body of its own, or later, by real time.
 */
export type Fault =
  | 'hang'
  | 'hold'
  | 'reset'
  | 'half'
  | 'html'
  | 'redirect'
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  | { readonly body: string | Buffer }
  | { readonly delayMs: number };

/** A request that the backend got. */
export interface BackendRequest {
  readonly method: string;
  /** As it was sent: path and query, with what is escaped in them. */
  readonly target: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
  /** The users that it asks for. */
  readonly users: readonly string[];
}

/**
 * A web application that owns contact lists, on a port of this machine: `GET /contacts/john` answers the contacts of one user,
 * `POST /batch` those of several. Where `contacts` has no entry the answer is 404, and in a batch nothing.
 */
export class RosterBackend {
  /** By localpart. */
  readonly contacts = new Map<string, ContactsJson>();
  /** What goes wrong, by localpart; `*` stands for everybody. In a batch, the fault of the first user who has one is its own. */
  readonly faults = new Map<string, Fault>();
  /** Faults that are used up first, one for each request of whomever. */
  readonly nextFaults: Fault[] = [];
  /** Every request, the first first. */
  readonly requests: BackendRequest[] = [];
  /** Whether answers have an entity tag, and a request that names it is answered with 304. */
  hasETags = false;
  /** The same by date. */
  lastModified: string | undefined;
  /** Requests that are not answered yet, and the most that there have been at once. */
  open = 0;
  mostOpen = 0;
  readonly #server: Server;
  readonly #held = new Set<() => void>();
  readonly #waiting = new Set<() => void>();

  private constructor() {
    this.#server = createServer((request, response) => this.#serve(request, response));
  }

  /** Starts one, which is gone when the test ends. */
  static async start(t: TestContext): Promise<RosterBackend> {
    const backend = new RosterBackend();
    await new Promise<void>((resolve) => backend.#server.listen(0, '127.0.0.1', resolve));
    t.after(() => backend.stop());
    return backend;
  }

  /** Where it is, without a slash at the end. */
  get origin(): string {
    const address = this.#server.address();
    return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  }

  /** The option `url` for it. */
  get url(): string {
    return `${this.origin}/contacts/%s`;
  }

  /** The option `batchUrl` for it. */
  get batchUrl(): string {
    return `${this.origin}/batch`;
  }

  /** Answers what is held, of all users, and holds no more. */
  release(): void {
    for (const [user, fault] of this.faults) if (fault === 'hold') this.faults.delete(user);
    for (const answer of [...this.#held]) answer();
    this.#held.clear();
  }

  /** Resolves once there have been so many requests in all. */
  async requested(count: number): Promise<void> {
    while (this.requests.length < count) await new Promise<void>((resolve) => this.#waiting.add(resolve));
  }

  /** Ends all connections; from then on they are refused. */
  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
  }

  #serve(request: IncomingMessage, response: ServerResponse): void {
    this.open++;
    this.mostOpen = Math.max(this.mostOpen, this.open);
    response.on('close', () => this.open--);
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const received = this.#note(request, Buffer.concat(chunks).toString());
      const fault = this.#faultOf(received.users);
      if (fault === undefined) this.#answer(received, response);
      else this.#fail(fault, received, response);
    });
  }

  #note(request: IncomingMessage, body: string): BackendRequest {
    const { method = '', url: target = '', headers } = request;
    const users = method === 'POST' ? (JSON.parse(body) as string[]) : [userOf(target)];
    const received = { method, target, headers, body, users };
    this.requests.push(received);
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
    return received;
  }

  #faultOf(users: readonly string[]): Fault | undefined {
    const next = this.nextFaults.shift();
    if (next !== undefined) return next;
    for (const user of users) {
      const fault = this.faults.get(user);
      if (fault !== undefined) return fault;
    }
    return this.faults.get('*');
  }

  #answer({ method, users, headers }: BackendRequest, response: ServerResponse): void {
    if (method === 'POST') {
      const known = users.filter((user) => this.contacts.has(user));
      return json(response, Object.fromEntries(known.map((user) => [user, this.contacts.get(user)])), {});
    }
    const contacts = this.contacts.get(users[0] ?? '');
    if (contacts === undefined) return void response.writeHead(404).end('no such user');
    const etag = this.hasETags ? `"${Buffer.from(JSON.stringify(contacts)).toString('base64')}"` : undefined;
    const isKnown =
      headers['if-none-match'] === undefined
        ? this.lastModified !== undefined && headers['if-modified-since'] === this.lastModified
        : headers['if-none-match'] === etag;
    if (isKnown) return void response.writeHead(304, validators(etag, this.lastModified)).end();
    json(response, contacts, validators(etag, this.lastModified));
  }

  #fail(fault: Fault, received: BackendRequest, response: ServerResponse): void {
    if (fault === 'hang') return;
    if (fault === 'hold') return void this.#held.add(() => this.#answer(received, response));
    if (fault === 'reset') return void response.destroy();
    if (fault === 'half') {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
      return void response.write('{"marie@example.org": {"na', () => response.destroy());
    }
    if (fault === 'html') {
      return void response.writeHead(200, { 'content-type': 'text/html' }).end('<!doctype html><p>Sign in');
    }
    if (fault === 'redirect') return void response.writeHead(302, { location: `${this.origin}/contacts/marie` }).end();
    if ('delayMs' in fault) return void setTimeout(() => this.#answer(received, response), fault.delayMs);
    if ('status' in fault) return void response.writeHead(fault.status, fault.headers).end(fault.body);
    response.writeHead(200, { 'content-type': 'application/json' }).end(fault.body);
  }
}

function userOf(target: string): string {
  return decodeURIComponent(target.replace(/^.*\//, '').replace(/\?.*$/, ''));
}

function validators(etag: string | undefined, lastModified: string | undefined): Record<string, string> {
  return {
    ...(etag === undefined ? {} : { etag }),
    ...(lastModified === undefined ? {} : { 'last-modified': lastModified }),
  };
}

function json(response: ServerResponse, body: unknown, headers: Readonly<Record<string, string>>): void {
  response.writeHead(200, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
}
