import { type IncomingMessage, STATUS_CODES } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import { type RawData, WebSocket, WebSocketServer } from 'ws';
import { StreamError } from '../errors.ts';
import type { Clock } from '../util/clock.ts';
import { atEndOfTurn } from '../util/turn.ts';
import { attr, type Element, escapeAttribute } from '../xml/element.ts';
import { NS_CLIENT, NS_FRAMING, NS_STREAMS } from '../xml/ns.ts';
import { parseFrame, type StreamHeader, type XmlLimits } from '../xml/parser.ts';
import type { HeaderAttributes, Transport, TransportHandler } from './transport.ts';

/** A connection that an HTTP client asks to upgrade. */
export interface WebSocketUpgrade {
  readonly incoming: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly secure: boolean;
  readonly remoteAddress: string;
}

export interface WebSocketOptions {
  /** The limits of a new stream. */
  readonly limits: XmlLimits;
  /** The size of the largest message of any stream, whatever limits are set later. */
  readonly maxMessageBytes: number;
  readonly clock: Clock;
}

/** The name of XMPP among the WebSocket subprotocols. RFC 7395 §3.1. */
const SUBPROTOCOL = 'xmpp';

/** Browsers cut long messages into a few frames; many tiny ones are an attack on our memory. */
const MAX_FRAGMENTS = 16;

/** A message may come in as many reads as there are IP packets of the smallest size that IPv4 promises. RFC 791 §3.1. */
const SMALLEST_PACKET_BYTES = 536;

/** The time that a peer has to answer the closing of the WebSocket. */
const CLOSE_MS = 5000;

/** A WebSocket frame's own header, at most. RFC 6455 §5.2. */
const FRAME_HEADER_BYTES = 14;

const NORMAL_CLOSURE = 1000;

const STANZAS = ['message', 'presence', 'iq'] as const;

const SEND_OPTIONS = { binary: false, compress: false, fin: true };

/**
 * Completes WebSocket handshakes for XMPP. The Origin header is not checked: it protects against sites that use what a
 * browser sends along by itself, such as cookies, and XMPP knows none; whoever connects has to log in. RFC 6455 §10.2.
 */
export class WebSocketAcceptor {
  readonly #server: WebSocketServer;
  readonly #options: WebSocketOptions;

  constructor(options: WebSocketOptions) {
    this.#options = options;
    const bounds = {
      // A transport answers a message that is too large with a stream error before this cuts it off without one.
      maxPayload: 2 * options.maxMessageBytes,
      maxFragments: MAX_FRAGMENTS,
      maxBufferedChunks: Math.ceil(options.maxMessageBytes / SMALLEST_PACKET_BYTES),
      closeTimeout: CLOSE_MS,
    };
    this.#server = new WebSocketServer({
      noServer: true,
      clientTracking: false,
      // 240 KB per idle connection, and compressed secrets leak through their length.
      perMessageDeflate: false,
      handleProtocols: () => SUBPROTOCOL,
      ...bounds,
    });
  }

  /** Calls `done` with the new transport; a client without the subprotocol `xmpp` is refused in HTTP. RFC 7395 §3.1. */
  accept(upgrade: WebSocketUpgrade, done: (transport: WebSocketTransport) => void): void {
    const { incoming, socket, head } = upgrade;
    const offered = incoming.headers['sec-websocket-protocol'] ?? '';
    if (!offered.split(',').some((name) => name.trim() === SUBPROTOCOL)) {
      return refuseUpgrade(socket, 400, `The WebSocket subprotocol "${SUBPROTOCOL}" is required.`);
    }
    this.#server.handleUpgrade(incoming, socket, head, (webSocket) => {
      done(new WebSocketTransport(webSocket, upgrade, this.#options));
    });
  }
}

/** Refuses an upgrade with an HTTP status and a line of text, and closes the connection. */
export function refuseUpgrade(socket: Duplex, status: number, text: string): void {
  const body = `${text}\n`;
  socket.on('error', () => socket.destroy());
  socket.once('finish', () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nConnection: close\r\n` +
      `Content-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

/** XML streams over WebSocket, one complete element per text message. RFC 7395. */
export class WebSocketTransport implements Transport {
  readonly kind = 'websocket';
  readonly remoteAddress: string;
  readonly secure: boolean;
  heardAt: number;
  readonly #webSocket: WebSocket;
  readonly #socket: Duplex;
  readonly #clock: Clock;
  #handler: TransportHandler | undefined;
  #limits: XmlLimits;
  /** The next message must be `<open/>`. */
  #isOpening = true;
  /** Nothing of what the peer sends has a meaning any more. */
  #isDeaf = false;
  #isPaused = false;
  /** Messages that came in one read with another that paused us. */
  #held: Buffer[] = [];
  /** Bytes read since a message was complete. */
  #partialBytes = 0;
  #out: string[] = [];
  #outLength = 0;
  #isGone = false;
  #cause: Error | undefined;

  constructor(webSocket: WebSocket, upgrade: WebSocketUpgrade, options: WebSocketOptions) {
    this.#webSocket = webSocket;
    this.#socket = upgrade.socket;
    this.#clock = options.clock;
    this.#limits = options.limits;
    this.remoteAddress = upgrade.remoteAddress;
    this.secure = upgrade.secure;
    this.heardAt = options.clock.now();
    webSocket.on('message', (data, isBinary) => this.#onMessage(data, isBinary));
    webSocket.on('error', (error) => {
      this.#cause = error;
    });
    webSocket.on('close', () => this.#onClose());
    this.#socket.prependListener('data', (chunk: Buffer) => {
      this.heardAt = this.#clock.now();
      this.#partialBytes += chunk.length;
    });
    // Behind the listener of `ws`, which has emitted the messages that the chunk completes.
    this.#socket.on('data', () => this.#checkPartialMessage());
  }

  get handler(): TransportHandler {
    if (this.#handler === undefined) throw new Error('the transport has no stream yet');
    return this.#handler;
  }

  set handler(handler: TransportHandler) {
    this.#handler = handler;
  }

  get tlsSocket(): TLSSocket | undefined {
    return this.#socket instanceof TLSSocket ? this.#socket : undefined;
  }

  get bufferedBytes(): number {
    return this.#outLength + this.#webSocket.bufferedAmount;
  }

  get bytesRead(): number {
    return this.#socket instanceof Socket ? this.#socket.bytesRead : 0;
  }

  get bytesWritten(): number {
    return this.#socket instanceof Socket ? this.#socket.bytesWritten : 0;
  }

  setLimits(limits: XmlLimits): void {
    this.#limits = limits;
  }

  openStream(attributes: HeaderAttributes): void {
    let open = `<open xmlns="${NS_FRAMING}" version="1.0" id="${escapeAttribute(attributes.id)}"`;
    if (attributes.from !== undefined) open += ` from="${escapeAttribute(attributes.from)}"`;
    if (attributes.to !== undefined) open += ` to="${escapeAttribute(attributes.to)}"`;
    if (attributes.lang !== undefined) open += ` xml:lang="${escapeAttribute(attributes.lang)}"`;
    this.#queue(`${open}/>`);
  }

  sendStreamElement(name: 'features' | 'error', inner: string): void {
    this.#queue(`<stream:${name} xmlns:stream="${NS_STREAMS}">${inner}</stream:${name}>`);
  }

  send(xml: string): void {
    this.#queue(declareContentNamespace(xml));
  }

  closeStream(): void {
    this.#queue(`<close xmlns="${NS_FRAMING}"/>`);
  }

  restart(): void {
    this.#isOpening = true;
  }

  /** Asks the peer for a sign of life: WebSocket's own, as white space is no message. RFC 7395 §3.7, RFC 6455 §5.5.2. */
  ping(): void {
    if (this.#webSocket.readyState === WebSocket.OPEN) this.#webSocket.ping();
  }

  pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.#webSocket.pause();
  }

  resume(): void {
    if (!this.#isPaused || this.#isGone) return;
    this.#isPaused = false;
    // What was held may lead to another pause.
    while (!this.#isPaused) {
      const message = this.#held.shift();
      if (message === undefined) return this.#webSocket.resume();
      this.#interpret(message);
    }
  }

  end(): void {
    this.#flush();
    this.#stopListening();
    this.#webSocket.close(NORMAL_CLOSURE);
    // To read the peer's half of the closing handshake.
    this.#webSocket.resume();
  }

  destroy(): void {
    this.#webSocket.terminate();
  }

  #onMessage(data: RawData, isBinary: boolean): void {
    this.#partialBytes = 0;
    if (this.#isDeaf || this.#isGone) return;
    if (isBinary || !Buffer.isBuffer(data)) {
      this.#fail(new StreamError('policy-violation', { text: 'binary messages are not allowed' }));
    } else if (this.#isPaused) {
      this.#held.push(data);
    } else {
      this.#interpret(data);
    }
  }

  #interpret(message: Buffer): void {
    try {
      const { element, inner, bytes } = parseFrame(message, this.#limits);
      const isFraming = attr(element, 'xmlns') === NS_FRAMING;
      if (isFraming && element.name === 'close') return this.#peerCloses();
      if (isFraming && element.name === 'open' && this.#isOpening) return this.#peerOpens(element);
      if (this.#isOpening) throw new StreamError('bad-format', { text: 'the stream must be opened first' });
      if (isFraming) throw new StreamError('bad-format', { text: 'neither <open/> nor <close/> can stand here' });
      this.handler.element(element, inner, bytes);
    } catch (error) {
      this.#fail(error);
    }
  }

  #peerOpens(open: Element): void {
    if (open.children.length > 0) throw new StreamError('bad-format', { text: '<open/> must be empty' });
    this.#isOpening = false;
    this.handler.header(streamHeader(open));
  }

  #peerCloses(): void {
    this.#stopListening();
    this.handler.ended();
  }

  /** Acts on a message that is too large while it arrives: the limit may be lower than that of the acceptor. */
  #checkPartialMessage(): void {
    const maxBytes = this.#limits.maxBytes + MAX_FRAGMENTS * FRAME_HEADER_BYTES;
    if (this.#isDeaf || this.#isGone || this.#partialBytes <= maxBytes) return;
    this.#fail(
      new StreamError('policy-violation', { text: `a message is longer than ${this.#limits.maxBytes} bytes` }),
    );
  }

  #fail(error: unknown): void {
    this.#stopListening();
    this.handler.failed(error);
  }

  #stopListening(): void {
    this.#isDeaf = true;
    this.#held = [];
  }

  #queue(xml: string): void {
    this.#out.push(xml);
    this.#outLength += xml.length;
    if (this.#out.length === 1) atEndOfTurn(() => this.#flush());
  }

  #flush(): void {
    const messages = this.#out;
    if (messages.length === 0) return;
    this.#out = [];
    this.#outLength = 0;
    if (this.#webSocket.readyState !== WebSocket.OPEN) return;
    // One write for all messages of the turn.
    this.#socket.cork();
    for (const xml of messages) this.#webSocket.send(Buffer.from(xml), SEND_OPTIONS);
    this.#socket.uncork();
  }

  #onClose(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#out = [];
    this.#outLength = 0;
    this.handler.closed(this.#cause);
  }
}

/** Makes a stanza, written without its namespace, a document of its own; all else declares its own. RFC 7395 §3.3.3. */
function declareContentNamespace(xml: string): string {
  for (const name of STANZAS) {
    if (xml.startsWith(name, 1)) return `<${name} xmlns="${NS_CLIENT}"${xml.slice(name.length + 1)}`;
  }
  return xml;
}

/** What `<open/>` says, as the start tag of a stream would say it. RFC 7395 §3.4. */
function streamHeader(open: Element): StreamHeader {
  const attributes = Object.entries(open.attrs).filter(([name]) => {
    return name !== 'xmlns' && (!name.includes(':') || name.startsWith('xml:'));
  });
  return { name: 'stream', ns: NS_STREAMS, contentNamespace: NS_CLIENT, attrs: Object.fromEntries(attributes) };
}
