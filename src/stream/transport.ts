import type { TLSSocket } from 'node:tls';
import type { Element } from '../xml/element.ts';
import type { StreamHeader, XmlLimits } from '../xml/parser.ts';

/** The attributes of our own stream header. RFC 6120 §4.7. */
export interface HeaderAttributes {
  readonly from?: string;
  readonly to?: string;
  readonly id: string;
  readonly lang?: string;
}

/** What a transport tells the stream above it. Nothing is called again after `closed`. */
export interface TransportHandler {
  /** The peer opened the stream or, after a restart, opened it anew. */
  header(header: StreamHeader): void;
  /** A complete top-level element; `inner` is its content as text when that can be passed on verbatim. */
  element(element: Element, inner: string | undefined, bytes: number): void;
  /** The peer closed its half of the stream with the closing tag or `<close/>`. */
  ended(): void;
  /** The peer broke a rule of XML or of the framing: a StreamError. Anything else is a bug of ours. */
  failed(error: unknown): void;
  /** The connection is gone, for whatever reason. */
  closed(cause?: Error): void;
}

/** Moves the elements of one XML stream over one connection: its framing and its bytes. */
export interface Transport {
  readonly kind: 'tcp' | 'websocket';
  readonly remoteAddress: string;
  readonly secure: boolean;
  /** For channel binding and client certificates; undefined without TLS or where a proxy ended it. */
  readonly tlsSocket: TLSSocket | undefined;
  /** When the last bytes arrived, in milliseconds of the clock's `now`. */
  readonly heardAt: number;
  /** Bytes accepted by `send` that the operating system has not taken. */
  readonly bufferedBytes: number;
  /** Bytes that came in and went out over the connection, TLS and framing included where the system counts them. */
  readonly bytesRead: number;
  readonly bytesWritten: number;
  /** Set once, by the stream that owns the transport. */
  handler: TransportHandler;
  setLimits(limits: XmlLimits): void;
  /** Sends our stream header. */
  openStream(attributes: HeaderAttributes): void;
  /** Sends `<stream:features/>` or `<stream:error/>` with this content. */
  sendStreamElement(name: 'features' | 'error', inner: string): void;
  /** Sends one complete element: a stanza, or a nonza with its namespace. Leaves with the other writes of this turn. */
  send(xml: string): void;
  /** Sends the closing tag or `<close/>`. */
  closeStream(): void;
  /** The next bytes are a new stream: after SASL or TLS. */
  restart(): void;
  /** Stops reading and interpreting, from within `element` too: what follows it in the same chunk is kept. */
  pause(): void;
  resume(): void;
  /** Sends what waits, then closes the connection. */
  end(): void;
  /** Closes the connection now. */
  destroy(): void;
}
