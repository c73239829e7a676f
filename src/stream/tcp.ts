import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { TlsAcceptor } from '../tls/acceptor.ts';
import type { Clock } from '../util/clock.ts';
import { atEndOfTurn } from '../util/turn.ts';
import { escapeAttribute } from '../xml/element.ts';
import { NS_CLIENT, NS_STREAMS } from '../xml/ns.ts';
import { type XmlLimits, XmlParser } from '../xml/parser.ts';
import type { HeaderAttributes, Transport, TransportHandler } from './transport.ts';

const HEADER_START = `<?xml version='1.0'?><stream:stream xmlns='${NS_CLIENT}' xmlns:stream='${NS_STREAMS}' version='1.0'`;
/** What a peer that is told goodbye may have under way. */
const MAX_DROPPED_BYTES = 1_048_576;

/** XML streams over TCP, plain, upgraded by STARTTLS, or inside TLS from the first byte. RFC 6120 §3, XEP-0368. */
export class TcpTransport implements Transport {
  readonly kind = 'tcp';
  readonly remoteAddress: string;
  heardAt: number;
  #socket: Socket;
  #secure = false;
  #parser: XmlParser | undefined;
  #handler: TransportHandler | undefined;
  #limits: XmlLimits;
  #out = '';
  #isFlushing = false;
  #isPaused = false;
  /** What came since our half has ended. */
  #droppedBytes: number | undefined;
  #isGone = false;
  // What was counted before TLS was there, which counts anew.
  #clearBytesRead = 0;
  #clearBytesWritten = 0;
  readonly #clock: Clock;

  constructor(
    socket: Socket | TLSSocket,
    options: { secure: boolean; limits: XmlLimits; clock: Clock; remoteAddress: string },
  ) {
    this.#clock = options.clock;
    this.#secure = options.secure;
    this.#limits = options.limits;
    this.remoteAddress = options.remoteAddress;
    this.heardAt = options.clock.now();
    this.#socket = socket;
    this.#attach(socket);
  }

  get handler(): TransportHandler {
    if (this.#handler === undefined) throw new Error('the transport has no stream yet');
    return this.#handler;
  }

  set handler(handler: TransportHandler) {
    this.#handler = handler;
    this.#parser = new XmlParser(handler, this.#limits);
  }

  get secure(): boolean {
    return this.#secure;
  }

  get tlsSocket(): TLSSocket | undefined {
    return this.#secure ? (this.#socket as TLSSocket) : undefined;
  }

  get bufferedBytes(): number {
    return this.#out.length + this.#socket.writableLength;
  }

  get bytesRead(): number {
    return this.#clearBytesRead + this.#socket.bytesRead;
  }

  get bytesWritten(): number {
    return this.#clearBytesWritten + this.#socket.bytesWritten;
  }

  setLimits(limits: XmlLimits): void {
    this.#limits = limits;
    if (this.#parser !== undefined) this.#parser.limits = limits;
  }

  openStream(attributes: HeaderAttributes): void {
    let header = `${HEADER_START} id='${escapeAttribute(attributes.id)}'`;
    if (attributes.from !== undefined) header += ` from='${escapeAttribute(attributes.from)}'`;
    if (attributes.to !== undefined) header += ` to='${escapeAttribute(attributes.to)}'`;
    if (attributes.lang !== undefined) header += ` xml:lang='${escapeAttribute(attributes.lang)}'`;
    this.send(`${header}>`);
  }

  sendStreamElement(name: 'features' | 'error', inner: string): void {
    this.send(inner === '' ? `<stream:${name}/>` : `<stream:${name}>${inner}</stream:${name}>`);
  }

  send(xml: string): void {
    this.#out += xml;
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    atEndOfTurn(() => this.#flush());
  }

  closeStream(): void {
    this.send('</stream:stream>');
  }

  restart(): void {
    this.#parser?.reset();
  }

  pause(): void {
    if (this.#isPaused || this.#droppedBytes !== undefined) return;
    this.#isPaused = true;
    this.#parser?.pause();
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#isPaused || this.#isGone || this.#droppedBytes !== undefined) return;
    this.#isPaused = false;
    this.#interpret(undefined);
    // What was kept may have led to another pause.
    if (!this.#isPaused && !this.#isGone) this.#socket.resume();
  }

  /**
   * Ends our half. What the peer still sends is read all the same, up to a limit, and dropped: else its end would not be
   * noticed, and unread bytes would reset the connection, and our last words with it.
   */
  end(): void {
    this.#flush();
    this.#droppedBytes ??= 0;
    this.#socket.end();
    this.#socket.resume();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /**
   * Sends `<proceed/>` and hands the connection to TLS. Whatever the peer sent in clear text after `<starttls/>` is dropped,
   * never interpreted: it could have been injected on the way. RFC 6120 §5.4.3.3, §5.3.2.
   */
  startTls(acceptor: TlsAcceptor, proceed: string, done: (error?: Error) => void): void {
    const plain = this.#socket;
    this.#parser?.discard();
    this.send(proceed);
    this.#flush();
    this.#detach(plain);
    acceptor.accept(plain, (error, socket) => {
      if (socket === undefined || error !== undefined) {
        this.closed(error);
        return done(error);
      }
      this.#clearBytesRead = plain.bytesRead;
      this.#clearBytesWritten = plain.bytesWritten;
      this.#socket = socket;
      this.#secure = true;
      this.#isPaused = false;
      this.#parser?.reset();
      this.#attach(socket);
      done();
    });
  }

  #attach(socket: Socket): void {
    transports.set(socket, this);
    socket.on('data', onData);
    socket.on('end', onEnd);
    socket.on('error', onError);
    socket.on('close', onClose);
  }

  #detach(socket: Socket): void {
    transports.delete(socket);
    socket.off('data', onData);
    socket.off('end', onEnd);
    socket.off('error', onError);
    socket.off('close', onClose);
  }

  /** Bytes arrived. */
  read(chunk: Buffer): void {
    if (this.#droppedBytes !== undefined) {
      this.#droppedBytes += chunk.length;
      if (this.#droppedBytes > MAX_DROPPED_BYTES) this.destroy();
      return;
    }
    this.heardAt = this.#clock.now();
    this.#interpret(chunk);
  }

  /** The connection is gone. */
  closed(cause?: Error): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#out = '';
    this.handler.closed(cause);
  }

  // Without a chunk, goes on with what was kept while it was paused.
  #interpret(chunk: Buffer | undefined): void {
    try {
      if (chunk === undefined) this.#parser?.resume();
      else this.#parser?.write(chunk);
    } catch (error) {
      this.pause();
      this.handler.failed(error);
    }
  }

  #flush(): void {
    this.#isFlushing = false;
    if (this.#out === '' || this.#isGone) return;
    const out = this.#out;
    this.#out = '';
    // TLS sockets take Buffers far more cheaply than strings.
    if (this.#secure) this.#socket.write(Buffer.from(out));
    else this.#socket.write(out);
  }
}

// The listeners are the same functions for all sockets: one set for each would weigh on every idle session.
const transports = new WeakMap<Socket, TcpTransport>();

function onData(this: Socket, chunk: Buffer): void {
  transports.get(this)?.read(chunk);
}

// A peer that half-closes its connection without closing its stream has gone: RFC 6120 §4.6.1 knows no half-open stream.
function onEnd(this: Socket): void {
  if (!this.writableEnded) this.end();
}

function onError(this: Socket, error: Error): void {
  transports.get(this)?.closed(error);
  this.destroy();
}

function onClose(this: Socket): void {
  transports.get(this)?.closed();
}
