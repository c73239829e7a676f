import { createServer, type Server, type Socket } from 'node:net';
import { normalizeAddress } from '../net/address.ts';
import type { Admission } from '../net/admission.ts';
import { type Endpoint, type Listening, listen } from '../net/listen.ts';
import type { StreamFeature } from '../stream/negotiation.ts';
import { TcpTransport } from '../stream/tcp.ts';
import type { Transport } from '../stream/transport.ts';
import type { TlsAcceptor } from '../tls/acceptor.ts';
import { every, type Timer } from '../util/clock.ts';
import { authentication } from './authenticate.ts';
import { bind } from './bind.ts';
import { ClientConnection, type ConnectionCalls } from './connection.ts';
import { channelBindingTypes, login } from './login.ts';
import { Offers } from './offers.ts';
import { type C2sService, xmlLimits } from './service.ts';
import { startTls } from './starttls.ts';

/** How often the deadlines of the streams are looked at: their precision, in milliseconds. */
const DEADLINE_CHECK_MS = 250;

/** What the server itself lets clients negotiate, in the order in which it is listed. */
const FEATURES: readonly StreamFeature<ClientConnection>[] = [
  startTls,
  channelBindingTypes,
  authentication,
  login,
  bind,
];

/** Takes the connections of clients in, on every port and over WebSocket, and knows them all. */
export class C2sListener {
  readonly #service: C2sService;
  readonly #admission: Admission;
  readonly #offers = new Offers(FEATURES);
  readonly #connections = new Set<ClientConnection>();
  /** What the clients' elements began and is not done yet. */
  readonly #work = new Set<Promise<void>>();
  readonly #calls: ConnectionCalls = {
    over: (connection) => {
      this.#connections.delete(connection);
      this.#service.counts.ended(connection);
      if (this.#connections.size === 0) this.#emptied?.();
    },
    working: (work) => {
      this.#work.add(work);
      const done = (): void => void this.#work.delete(work);
      work.then(done, done);
    },
  };
  readonly #servers: Server[] = [];
  readonly #sweep: Timer;

  constructor(service: C2sService, admission: Admission) {
    this.#service = service;
    this.#admission = admission;
    this.#sweep = every(service.clock, DEADLINE_CHECK_MS, () => this.#checkDeadlines());
  }

  /** The connections of clients, logged in or not. */
  get connections(): ReadonlySet<ClientConnection> {
    return this.#connections;
  }

  /** Listens for XML streams: inside TLS from the first byte when an acceptor is given. Throws ListenError. */
  async listen(endpoint: Endpoint, directTls?: TlsAcceptor): Promise<Listening> {
    const server = createServer({ noDelay: true }, (socket) => this.#connected(socket, directTls));
    this.#servers.push(server);
    return listen(server, endpoint);
  }

  /** Lets a connection from an address in, or does not: then undefined. Call the result if no stream comes of it. */
  admit(address: string): (() => void) | undefined {
    const admitted = this.#admission.admit(address);
    if (typeof admitted !== 'string') return admitted.release;
    this.#service.counts.refused();
    this.#service.log.info('connection.refused', { address, reason: admitted });
    return undefined;
  }

  /** Begins a client's stream on a transport; `authenticated` is called when it counts as a stranger's no more. */
  start(transport: Transport, authenticated: () => void): void {
    this.#service.counts.accepted(transport.kind);
    this.#connections.add(new ClientConnection(transport, this.#service, this.#offers, this.#calls, authenticated));
  }

  /** Stops listening. */
  stopListening(): void {
    for (const server of this.#servers) server.close();
  }

  /** Closes every stream with `system-shutdown` and resolves when all are gone and what they began is done. */
  async shutDown(): Promise<void> {
    this.stopListening();
    const gone = new Promise<void>((resolve) => {
      this.#emptied = resolve;
    });
    for (const connection of [...this.#connections]) connection.shutDown();
    if (this.#connections.size > 0) await gone;
    while (this.#work.size > 0) await Promise.allSettled(this.#work);
    this.#sweep.cancel();
  }

  /** Breaks off what is left of the connections. */
  breakOff(): void {
    for (const connection of [...this.#connections]) connection.stream.transport.destroy();
  }

  #emptied: (() => void) | undefined;

  #connected(socket: Socket, directTls: TlsAcceptor | undefined): void {
    const address = normalizeAddress(socket.remoteAddress ?? '');
    const release = this.admit(address);
    if (release === undefined) return void socket.destroy();
    if (directTls === undefined) return this.start(this.#tcp(socket, address, false), release);
    directTls.accept(socket, (error, secured) => {
      if (secured !== undefined) return this.start(this.#tcp(secured, address, true), release);
      release();
      this.#service.log.debug('tls.failed', { address, reason: error?.message });
    });
  }

  #tcp(socket: Socket, remoteAddress: string, secure: boolean): TcpTransport {
    const { clock, settings } = this.#service;
    return new TcpTransport(socket, {
      secure,
      clock,
      remoteAddress,
      limits: xmlLimits(settings.current.limits, false),
    });
  }

  #checkDeadlines(): void {
    const now = this.#service.clock.now();
    for (const connection of this.#connections) connection.stream.checkDeadline(now);
  }
}
