import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { TestContext } from 'node:test';

/** What a collector was sent. */
export interface Received {
  readonly method: string;
  readonly path: string;
  readonly apiSecret: string | null;
  readonly measurementId: string | null;
  readonly contentType: string | undefined;
  readonly body: {
    readonly client_id: string;
    readonly events: readonly { readonly name: string; readonly params: Readonly<Record<string, string | number>> }[];
  };
}

type Answer = (response: ServerResponse) => void;

/** Stands for Google Analytics on a port of this machine. */
export class Collector {
  readonly received: Received[] = [];
  connections = 0;
  /** What it says to each request; a function that does nothing lets the request hang. */
  answer: Answer = (response) => response.writeHead(204).end();
  #url = '';

  static async open(t: TestContext): Promise<Collector> {
    const collector = new Collector();
    const server = createServer((request, response) => void collector.#take(request, response));
    server.on('connection', () => collector.connections++);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    collector.#url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/mp/collect`;
    t.after(() => {
      server.close();
      server.closeAllConnections();
    });
    return collector;
  }

  get url(): string {
    return this.#url;
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { pathname, searchParams } = new URL(request.url ?? '', this.#url);
    this.received.push({
      method: request.method ?? '',
      path: pathname,
      apiSecret: searchParams.get('api_secret'),
      measurementId: searchParams.get('measurement_id'),
      contentType: request.headers['content-type'],
      body: JSON.parse(Buffer.concat(chunks).toString()),
    });
    this.answer(response);
  }
}
