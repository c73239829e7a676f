import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { WebSocket } from 'ws';
import { StreamError } from '../../src/errors.ts';
import { Routes } from '../../src/http/routes.ts';
import { HttpServer } from '../../src/http/server.ts';
import { memoryLogger } from '../../src/log/log.ts';
import { listen } from '../../src/net/listen.ts';
import type { TransportHandler } from '../../src/stream/transport.ts';
import { WebSocketAcceptor, type WebSocketTransport } from '../../src/stream/websocket.ts';
import type { TlsAcceptor } from '../../src/tls/acceptor.ts';
import { serialize } from '../../src/xml/element.ts';
import type { XmlLimits } from '../../src/xml/parser.ts';
import { ManualClock } from '../support/manual-clock.ts';

/** The limits of a new stream. */
export const LIMITS: XmlLimits = { maxBytes: 10_000, maxDepth: 64, maxAttributes: 64, maxChildren: 64 };
/** The largest limit that a stream can be given later. */
export const MAX_MESSAGE_BYTES = 100_000;

/** What a stream would be told, as text; a test may act on it. */
export class Recorder implements TransportHandler {
  readonly told: string[] = [];
  onTold: (what: string) => void = () => {};
  readonly #waiting: (() => void)[] = [];

  header: TransportHandler['header'] = ({ name, ns, contentNamespace, attrs }) =>
    this.#tell(`header ${name} ${ns} ${contentNamespace} ${JSON.stringify(attrs)}`);
  element: TransportHandler['element'] = (element, inner) =>
    this.#tell(`element ${serialize(element)} ${inner ?? '-'}`);
  ended = (): void => this.#tell('ended');
  failed = (error: unknown): void => this.#tell(`failed ${error instanceof StreamError ? error.condition : error}`);
  closed = (cause?: Error): void => this.#tell(`closed ${cause?.message ?? ''}`.trim());

  /** Waits until so much has been told, and returns it. */
  async until(count: number): Promise<string[]> {
    while (this.told.length < count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    return this.told;
  }

  #tell(what: string): void {
    this.told.push(what);
    this.onTold(what);
    for (const resume of this.#waiting.splice(0)) resume();
  }
}

/** Serves WebSockets at `/ws`, over TLS if there is an acceptor. */
export async function openServer(t: TestContext, tls?: TlsAcceptor) {
  const clock = new ManualClock();
  const server = new HttpServer({ routes: new Routes(), log: memoryLogger(), clock });
  const acceptor = new WebSocketAcceptor({ limits: LIMITS, maxMessageBytes: MAX_MESSAGE_BYTES, clock });
  const recorder = new Recorder();
  const transports: WebSocketTransport[] = [];
  const waiting: (() => void)[] = [];
  server.onUpgrade('/ws', (upgrade) => {
    acceptor.accept(upgrade, (transport) => {
      transport.handler = recorder;
      transports.push(transport);
      waiting.shift()?.();
    });
  });
  const sockets = new Set<Socket>();
  const listener = createServer((socket) => {
    sockets.add(socket);
    if (tls === undefined) server.accept(socket, false);
    else tls.accept(socket, (_error, secured) => secured && server.accept(secured, true));
  });
  const { port } = await listen(listener, { address: '127.0.0.1', port: 0 });
  t.after(() => {
    listener.close();
    for (const socket of sockets) socket.destroy();
  });
  const transport = async (): Promise<WebSocketTransport> => {
    if (transports.length === 0) await new Promise<void>((resolve) => waiting.push(resolve));
    return transports.shift() ?? assert.fail();
  };
  return { clock, port, recorder, transport };
}

/** Connects with a client that others wrote. */
export async function dial(t: TestContext) {
  const opened = await openServer(t);
  const client = new WebSocket(`ws://127.0.0.1:${opened.port}/ws`, 'xmpp');
  t.after(() => client.terminate());
  const received: string[] = [];
  const waiting: (() => void)[] = [];
  client.on('message', (data, isBinary) => {
    received.push(isBinary ? 'binary' : data.toString());
    for (const resume of waiting.splice(0)) resume();
  });
  const closed = new Promise<number>((resolve) => client.once('close', resolve));
  await once(client, 'open');
  const until = async (count: number): Promise<string[]> => {
    while (received.length < count) await new Promise<void>((resolve) => waiting.push(resolve));
    return received;
  };
  return { ...opened, client, closed, received, until, transport: await opened.transport() };
}

/** Connects with a socket that frames are written to by hand. */
export async function dialRaw(t: TestContext) {
  const opened = await openServer(t);
  const socket = connect(opened.port, '127.0.0.1');
  socket.on('error', () => {});
  t.after(() => socket.destroy());
  socket.write(handshake(['Sec-WebSocket-Protocol: xmpp']));
  const [answer] = await once(socket, 'data');
  assert.match(String(answer), /^HTTP\/1\.1 101 /);
  socket.resume();
  return { ...opened, socket, transport: await opened.transport() };
}

export function handshake(more: readonly string[]): string {
  const key = `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`;
  const fields = ['Host: h', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13', key, ...more];
  return `GET /ws HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n`;
}

/** A masked frame; the mask is zero, which leaves the payload readable. RFC 6455 §5.2. */
export function frame(payload: string, { opcode = 1, fin = true, length = Buffer.byteLength(payload) } = {}): Buffer {
  const head = length < 126 ? Buffer.alloc(2) : length < 65_536 ? Buffer.alloc(4) : Buffer.alloc(10);
  head[0] = (fin ? 0x80 : 0) | opcode;
  head[1] = 0x80 | (length < 126 ? length : length < 65_536 ? 126 : 127);
  if (head.length === 4) head.writeUInt16BE(length, 2);
  if (head.length === 10) head.writeBigUInt64BE(BigInt(length), 2);
  return Buffer.concat([head, Buffer.alloc(4), Buffer.from(payload)]);
}
