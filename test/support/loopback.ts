import { StreamError } from '../../src/errors.ts';
import type { HeaderAttributes, Transport, TransportHandler } from '../../src/stream/transport.ts';
import type { Clock } from '../../src/util/clock.ts';
import { type Element, el } from '../../src/xml/element.ts';
import { NS_STREAMS } from '../../src/xml/ns.ts';
import { parseElement, type XmlLimits, XmlParser } from '../../src/xml/parser.ts';

/** A transport without a network: the test writes bytes and reads elements. */
export class LoopbackTransport implements Transport {
  readonly kind = 'tcp';
  readonly remoteAddress: string;
  secure: boolean;
  readonly tlsSocket = undefined;
  heardAt: number;
  bufferedBytes = 0;
  bytesRead = 0;
  bytesWritten = 0;
  /** What the server sent and the test has not taken yet. */
  readonly received: Element[] = [];
  /** Whether the server closed its half of the stream, or the connection. */
  isClosed = false;
  /** Whether the connection is gone, whoever ended it. */
  isGone = false;
  #handler: TransportHandler | undefined;
  readonly #parser: XmlParser;
  readonly #clock: Clock;

  constructor(options: { clock: Clock; limits: XmlLimits; secure: boolean; remoteAddress: string }) {
    this.#clock = options.clock;
    this.heardAt = options.clock.now();
    this.secure = options.secure;
    this.remoteAddress = options.remoteAddress;
    this.#parser = new XmlParser(
      {
        header: (header) => this.handler.header(header),
        element: (element, inner, bytes) => this.handler.element(element, inner, bytes),
        ended: () => this.handler.ended(),
      },
      options.limits,
    );
  }

  get handler(): TransportHandler {
    if (this.#handler === undefined) throw new Error('no stream');
    return this.#handler;
  }

  set handler(handler: TransportHandler) {
    this.#handler = handler;
  }

  /** Bytes from the client. */
  write(xml: string | Buffer): void {
    this.heardAt = this.#clock.now();
    this.#interpret(() => this.#parser.write(Buffer.from(xml)));
  }

  /** The client's connection breaks. */
  break(cause?: Error): void {
    this.isClosed = true;
    this.isGone = true;
    this.handler.closed(cause);
  }

  setLimits(limits: XmlLimits): void {
    this.#parser.limits = limits;
  }

  openStream(attributes: HeaderAttributes): void {
    this.received.push(el('header', { ...attributes }));
  }

  sendStreamElement(name: 'features' | 'error', inner: string): void {
    this.received.push(parseElement(`<${name} xmlns='${NS_STREAMS}'>${inner}</${name}>`));
  }

  send(xml: string): void {
    this.received.push(parseElement(xml));
  }

  closeStream(): void {
    this.isClosed = true;
  }

  restart(): void {
    this.#parser.reset();
  }

  pause(): void {
    this.#parser.pause();
  }

  resume(): void {
    this.#interpret(() => this.#parser.resume());
  }

  end(): void {
    this.destroy();
  }

  destroy(): void {
    this.isClosed = true;
    if (this.isGone) return;
    this.isGone = true;
    queueMicrotask(() => this.handler.closed());
  }

  #interpret(run: () => void): void {
    if (this.isGone) return;
    try {
      run();
    } catch (error) {
      if (!(error instanceof StreamError)) throw error;
      this.handler.failed(error);
    }
  }
}
