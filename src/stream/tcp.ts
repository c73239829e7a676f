import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { StreamError } from '../errors.ts';
import type { TlsAcceptor } from '../tls/acceptor.ts';
import type { Clock } from '../util/clock.ts';
import { atEndOfTurn } from '../util/turn.ts';
import { escapeAttribute } from '../xml/element.ts';
import { NS_CLIENT, NS_STREAMS } from '../xml/ns.ts';
import { type XmlLimits, XmlParser } from '../xml/parser.ts';
import type { HeaderAttributes, Transport, TransportHandler } from './transport.ts';

const HEADER_START = `<?xml version='1.0'?><stream:stream xmlns='${NS_CLIENT}' xmlns:stream='${NS_STREAMS}' version='1.0'`;

/** XML streams over TCP, plain, upgraded by STARTTLS, or inside TLS from the first byte. RFC 6120 §3, XEP-0368. */
export class TcpTransport implements Transport {
  readonly kind = 'tcp';
  readonly remoteAddress: string;
  heardAt: number;
  #socket: Socket;
  #secure = false;
  #handler: TransportHandler | undefined;
  #out = '';
  #flushing = false;
  #paused = false;
  #gone = false;
  readonly #parser: XmlParser;
  readonly #clock: Clock;

  constructor(
    socket: Socket | TLSSocket,
    options: { secure: boolean; limits: XmlLimits; clock: Clock; remoteAddress: string },
  ) {
    this.#clock = options.clock;
    this.#secure = options.secure;
    this.remoteAddress = options.remoteAddress;
    this.heardAt = options.clock.now();
    this.#socket = socket;
    this.#parser = new XmlParser(
      {
        header: (header) => this.handler.header(header),
        element: (element, inner, bytes) => this.handler.element(element, inner, bytes),
        end: () => this.handler.ended(),
      },
      options.limits,
    );
    socket.setNoDelay(true);
    this.#attach(socket);
  }

  get handler(): TransportHandler {
    if (this.#handler === undefined) throw new Error('the transport has no stream yet');
    return this.#handler;
  }

  set handler(handler: TransportHandler) {
    this.#handler = handler;
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

  setLimits(limits: XmlLimits): void {
    this.#parser.limits = limits;
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
    if (this.#flushing) return;
    this.#flushing = true;
    atEndOfTurn(() => this.#flush());
  }

  closeStream(): void {
    this.send('</stream:stream>');
  }

  restart(): void {
    this.#parser.reset();
  }

  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#parser.pause();
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#paused || this.#gone) return;
    this.#paused = false;
    this.#interpret(() => this.#parser.resume());
    // What was kept may have led to another pause.
    if (!this.#paused && !this.#gone) this.#socket.resume();
  }

  end(): void {
    this.#flush();
    this.#socket.end();
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
    this.#parser.discard();
    this.send(proceed);
    this.#flush();
    this.#detach(plain);
    acceptor.accept(plain, (error, socket) => {
      if (socket === undefined || error !== undefined) {
        this.#closed(error);
        return done(error);
      }
      this.#socket = socket;
      this.#secure = true;
      this.#paused = false;
      this.#parser.reset();
      this.#attach(socket);
      done();
    });
  }

  #attach(socket: Socket): void {
    socket.on('data', this.#onData);
    socket.on('end', this.#onEnd);
    socket.on('error', this.#onError);
    socket.on('close', this.#onClose);
  }

  #detach(socket: Socket): void {
    socket.off('data', this.#onData);
    socket.off('end', this.#onEnd);
    socket.off('error', this.#onError);
    socket.off('close', this.#onClose);
  }

  readonly #onData = (chunk: Buffer): void => {
    this.heardAt = this.#clock.now();
    this.#interpret(() => this.#parser.write(chunk));
  };

  // A peer that half-closes its connection without closing its stream has gone: RFC 6120 §4.6.1 knows no half-open stream.
  readonly #onEnd = (): void => {
    if (!this.#socket.writableEnded) this.#socket.end();
  };

  readonly #onError = (error: Error): void => {
    this.#closed(error);
    this.#socket.destroy();
  };

  readonly #onClose = (): void => this.#closed();

  #interpret(run: () => void): void {
    try {
      run();
    } catch (error) {
      if (!(error instanceof StreamError)) throw error;
      this.pause();
      this.handler.failed(error);
    }
  }

  #flush(): void {
    this.#flushing = false;
    if (this.#out === '' || this.#gone) return;
    const out = this.#out;
    this.#out = '';
    // TLS sockets take Buffers far more cheaply than strings.
    if (this.#secure) this.#socket.write(Buffer.from(out));
    else this.#socket.write(out);
  }

  #closed(cause?: Error): void {
    if (this.#gone) return;
    this.#gone = true;
    this.#out = '';
    this.handler.closed(cause);
  }
}
