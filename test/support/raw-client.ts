import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { DOMAIN, eventually, PASSWORD, type Reachable, type Service } from './live-server.ts';

export const HEADER = `<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='${DOMAIN}' version='1.0'>`;

/** A client that says what it is told to, right or wrong, over a socket of its own. */
export class RawClient {
  readonly socket: Socket;
  /** What the server has said and the test has not read. */
  received = '';
  /** Whether the connection is over. */
  isClosed = false;

  private constructor(server: Reachable, socket: Socket) {
    this.socket = socket;
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      this.received += text;
    });
    socket.on('close', () => {
      this.isClosed = true;
    });
    // A server that is attacked may break the connection off; what the test wants to see is in `received` and `isClosed`.
    socket.on('error', () => {});
    server.beforeEnd(() => void socket.destroy());
  }

  /** Connects in clear text. */
  static async connect(server: Reachable, service: Service): Promise<RawClient> {
    const socket = connect(server.port(service), '127.0.0.1');
    const client = new RawClient(server, socket);
    await once(socket, 'connect');
    return client;
  }

  /** Connects and completes the TLS handshake. */
  static async connectTls(server: Reachable, service: Service, options: ConnectionOptions = {}): Promise<RawClient> {
    const port = server.port(service);
    const socket = connectTls({ host: '127.0.0.1', port, servername: DOMAIN, rejectUnauthorized: false, ...options });
    const client = new RawClient(server, socket);
    await once(socket, 'secureConnect');
    return client;
  }

  /** Connects inside TLS, logs in with PLAIN and binds a resource. */
  static async logIn(server: Reachable, username: string, resource = 'raw'): Promise<RawClient> {
    const client = await RawClient.connectTls(server, 'c2sTls');
    await client.open();
    const response = Buffer.from(`\0${username}\0${PASSWORD}`).toString('base64');
    client.write(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${response}</auth>`);
    await client.until(/<success [^>]*>/);
    await client.open();
    const bind = `<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>${resource}</resource></bind>`;
    await client.ask(`<iq type='set' id='bind'>${bind}</iq>`);
    return client;
  }

  write(text: string | Buffer): void {
    this.socket.write(text);
  }

  /** Writes, and waits until the server has taken it, has ended the connection, or takes longer. */
  async push(bytes: string | Buffer, withinMs = 5000): Promise<void> {
    if (this.isClosed || this.socket.write(bytes)) return;
    const { socket } = this;
    await new Promise<void>((resolve) => {
      const settle = (): void => {
        clearTimeout(timer);
        socket.off('drain', settle);
        socket.off('close', settle);
        resolve();
      };
      const timer = setTimeout(settle, withinMs);
      socket.on('drain', settle);
      socket.on('close', settle);
    });
  }

  /** Opens the stream and returns what the server offers. */
  async open(): Promise<string> {
    this.write(HEADER);
    return this.until(/<stream:features(?:\/>|>.*<\/stream:features>)/s);
  }

  /** Sends an iq and returns the answer. */
  async ask(iq: string): Promise<string> {
    this.write(iq);
    return this.until(/<iq [^>]*?(?:\/>|>.*?<\/iq>)|<\/stream:stream>/s);
  }

  /** Reads until something was said, and returns it; what came before is forgotten. */
  async until(wanted: RegExp, withinMs?: number): Promise<string> {
    return eventually(
      `the server says ${wanted}; it has said ${this.received.slice(0, 500)}`,
      () => {
        const match = wanted.exec(this.received);
        assert.ok(match !== null || !this.isClosed, `the connection has ended; ${this.received.slice(0, 500)}`);
        if (match === null) return undefined;
        this.received = this.received.slice(match.index + match[0].length);
        return match[0];
      },
      withinMs,
    );
  }

  /** Waits until the connection is over, and returns everything unread. */
  async closed(withinMs?: number): Promise<string> {
    await eventually('the connection ends', () => this.isClosed, withinMs);
    return this.received;
  }
}
