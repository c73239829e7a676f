import type { Socket } from 'node:net';
import { createServer, type SecureContextOptions, type Server, type TLSSocket, type TlsOptions } from 'node:tls';
import type { Clock, Timer } from '../util/clock.ts';
import { unguessableBytes } from '../util/ids.ts';

/** Called once: with the secured socket, or with the reason why there is none; the raw socket is then destroyed. */
export type TlsAccepted = (error: Error | undefined, socket?: TLSSocket) => void;

/** Makes TLS connections out of raw ones, for listeners that speak TLS at once and for STARTTLS. */
export interface TlsAcceptor {
  /** Takes the raw socket over, which must have no readers left, and answers when the handshake has ended. */
  accept(raw: Socket, done: TlsAccepted): void;
  /** Ends the handshakes in progress; secured connections live on. */
  close(): void;
}

/** What an acceptor needs to know. */
export interface AcceptorOptions {
  /** The protocols that a client which sends ALPN must choose from. RFC 7301, XEP-0368. */
  readonly alpn?: readonly string[] | undefined;
  /** Asks clients for a certificate; a connection without a valid one goes on, see `verifiedPeerCertificate`. */
  readonly requestCertificate: boolean;
  /** The time that a handshake may take. Default 10 s. */
  readonly handshakeMs?: number | undefined;
  /** How many handshakes may be in progress; more are refused. Default 4096. */
  readonly maxHandshakes?: number | undefined;
}

/** What an acceptor asks its owner for. */
export interface AcceptorOwner {
  readonly clock: Clock;
  /** The context of the host that a client names in SNI. RFC 6066 §3. */
  readonly selectContext: NonNullable<TlsOptions['SNICallback']>;
  readonly defaultContext: SecureContextOptions;
  readonly onClose: (acceptor: ServerAcceptor) => void;
}

interface Handshake {
  readonly done: TlsAccepted;
  readonly deadline: Timer;
  reason: Error | undefined;
}

const HANDSHAKE_MS = 10_000;
const MAX_HANDSHAKES = 4096;

/** The size that Node asks for: name, HMAC key and AES key of session tickets. RFC 5077 §4. */
const TICKET_KEY_BYTES = 48;

/**
 * Drives a `tls.Server` that listens nowhere. A bare `TLSSocket` would secure a connection too, but only a server judges
 * client certificates, selects ALPN and resumes sessions.
 */
export class ServerAcceptor implements TlsAcceptor {
  readonly #owner: AcceptorOwner;
  readonly #server: Server;
  /** Kept over reloads, so that clients can resume their sessions; of each acceptor its own, so that nowhere else. */
  #ticketKeys = unguessableBytes(TICKET_KEY_BYTES);
  readonly #handshakes = new Map<Socket, Handshake>();
  /** Finds the raw socket again: Node reports a handshake's end with the secured socket only. */
  readonly #rawByAddress = new Map<string, Socket>();
  readonly #handshakeMs: number;
  readonly #maxHandshakes: number;

  constructor(owner: AcceptorOwner, options: AcceptorOptions) {
    this.#owner = owner;
    this.#handshakeMs = options.handshakeMs ?? HANDSHAKE_MS;
    this.#maxHandshakes = options.maxHandshakes ?? MAX_HANDSHAKES;
    this.#server = createServer({
      ...owner.defaultContext,
      ticketKeys: this.#ticketKeys,
      SNICallback: owner.selectContext,
      requestCert: options.requestCertificate,
      rejectUnauthorized: false,
      ...(options.alpn === undefined ? {} : { ALPNProtocols: [...options.alpn] }),
    });
    this.#server.on('secureConnection', (socket) => this.#succeed(socket));
    this.#server.on('tlsClientError', (error, socket) => this.#explain(socket, error));
  }

  accept(raw: Socket, done: TlsAccepted): void {
    const address = addressOf(raw);
    if (address === undefined || this.#handshakes.size >= this.#maxHandshakes) {
      raw.destroy();
      done(new Error(address === undefined ? 'disconnected before the TLS handshake' : 'too many TLS handshakes'));
      return;
    }
    const handshake: Handshake = {
      done,
      deadline: this.#owner.clock.after(this.#handshakeMs, () => {
        handshake.reason = new Error(`no TLS handshake within ${this.#handshakeMs} ms`);
        raw.destroy();
      }),
      reason: undefined,
    };
    this.#handshakes.set(raw, handshake);
    this.#rawByAddress.set(address, raw);
    // A write from before the handshake, such as `<proceed/>`, may still fail.
    raw.on('error', (error) => {
      handshake.reason ??= error;
    });
    // Every failure ends here: Node destroys the raw socket with the secured one.
    raw.once('close', () => {
      this.#end(raw, address)?.done(handshake.reason ?? new Error('disconnected during the TLS handshake'));
    });
    this.#server.emit('connection', raw);
  }

  close(): void {
    for (const raw of [...this.#handshakes.keys()]) raw.destroy();
    this.#owner.onClose(this);
  }

  /** Uses another default context for the connections to come; earlier sessions can be resumed only if it keeps them. */
  replaceContext(context: SecureContextOptions, keepsSessions: boolean): void {
    if (!keepsSessions) this.#ticketKeys = unguessableBytes(TICKET_KEY_BYTES);
    this.#server.setSecureContext({ ...context, ticketKeys: this.#ticketKeys });
  }

  #succeed(socket: TLSSocket): void {
    const address = addressOf(socket);
    const raw = address === undefined ? undefined : this.#rawByAddress.get(address);
    const handshake = raw === undefined || address === undefined ? undefined : this.#end(raw, address);
    if (handshake === undefined) socket.destroy();
    else handshake.done(undefined, socket);
  }

  #explain(socket: TLSSocket, error: Error): void {
    const raw = this.#rawByAddress.get(addressOf(socket) ?? '');
    const handshake = raw === undefined ? undefined : this.#handshakes.get(raw);
    if (handshake !== undefined) handshake.reason ??= error;
    socket.destroy();
  }

  #end(raw: Socket, address: string): Handshake | undefined {
    const handshake = this.#handshakes.get(raw);
    if (handshake === undefined) return undefined;
    handshake.deadline.cancel();
    this.#handshakes.delete(raw);
    if (this.#rawByAddress.get(address) === raw) this.#rawByAddress.delete(address);
    return handshake;
  }
}

/** Both ends of a connection, which no two live connections share. */
function addressOf(socket: Socket): string | undefined {
  const { remoteAddress, remotePort, localAddress, localPort } = socket;
  return remoteAddress === undefined ? undefined : `${remoteAddress} ${remotePort} ${localAddress} ${localPort}`;
}
