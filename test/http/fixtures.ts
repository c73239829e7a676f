import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { Routes } from '../../src/http/routes.ts';
import { HttpServer, type HttpServerOptions } from '../../src/http/server.ts';
import { memoryLogger } from '../../src/log/log.ts';
import { listen } from '../../src/net/listen.ts';
import { ManualClock } from '../support/manual-clock.ts';

/** An answer as it came over the wire, taken apart. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Serves routes on a loopback port. */
export async function openServer(t: TestContext, options: Partial<HttpServerOptions> = {}) {
  const routes = new Routes();
  const log = memoryLogger();
  const clock = new ManualClock();
  const server = new HttpServer({ routes, log, clock, ...options });
  const sockets = new Set<Socket>();
  const listener = createServer((socket) => {
    sockets.add(socket);
    server.accept(socket, false);
  });
  const { port } = await listen(listener, { address: '127.0.0.1', port: 0 });
  t.after(() => {
    listener.close();
    for (const socket of sockets) socket.destroy();
  });
  return { routes, log, clock, server, port };
}

/** A raw client connection, which collects what it receives. */
export async function dial(t: TestContext, port: number) {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  t.after(() => socket.destroy());
  let received = '';
  socket.on('data', (chunk) => {
    received += chunk.toString('latin1');
  });
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  await once(socket, 'connect');
  return {
    socket,
    closed,
    received: () => received,
    /** Waits until the received text matches. */
    async until(pattern: RegExp): Promise<string> {
      while (!pattern.test(received)) await once(socket, 'data');
      return received;
    },
  };
}

/** Sends one request as text, with a Host header and `Connection: close`, and returns the answer. */
export async function request(t: TestContext, port: number, line: string, more: readonly string[] = [], body = '') {
  const client = await dial(t, port);
  const hasHost = more.some((header) => header.toLowerCase().startsWith('host:'));
  const head = [`${line} HTTP/1.1`, ...(hasHost ? [] : ['Host: example.org']), 'Connection: close', ...more];
  client.socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
  await client.closed;
  return parseAnswer(client.received());
}

/** Takes an answer apart. */
export function parseAnswer(text: string): RawAnswer {
  const split = text.indexOf('\r\n\r\n');
  const [line = '', ...fields] = text.slice(0, split).split('\r\n');
  const headers = fields.map((field) => {
    const colon = field.indexOf(':');
    return [field.slice(0, colon).toLowerCase(), field.slice(colon + 1).trim()] as const;
  });
  return { status: Number(line.split(' ')[1]), headers: Object.fromEntries(headers), body: text.slice(split + 4) };
}
