import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { settle } from '../support/manual-clock.ts';

export const HEADER =
  "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='stage.example' version='1.0'>";

/** `<auth/>` with PLAIN. */
export function auth(user: string, password: string): string {
  const response = Buffer.from(`\0${user}\0${password}`).toString('base64');
  return `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${response}</auth>`;
}

export function bind(resource: string): string {
  return `<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>${resource}</resource></bind></iq>`;
}

// Sockets and password hashing take real time; what takes this long has failed.
const PATIENCE_MS = 10_000;

/** Waits until something is so. */
export async function until(isSo: () => boolean): Promise<void> {
  const end = performance.now() + PATIENCE_MS;
  while (!isSo()) {
    if (performance.now() > end) throw new Error(`waited in vain for ${isSo}`);
    await settle();
  }
}

/** A client that writes and reads bytes on a real socket. */
export class TcpClient {
  #socket: Socket;
  /** Everything read and not yet waited for. */
  #text = '';
  isEnded = false;
  isClosed = false;
  #news: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen();
  }

  /** Connects to a port of this machine; the end of the test closes the connection. */
  static async connect(t: TestContext, port: number): Promise<TcpClient> {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true });
    await once(socket, 'connect');
    const client = new TcpClient(socket);
    t.after(() => client.socket.destroy());
    return client;
  }

  get socket(): Socket {
    return this.#socket;
  }

  /** Continues inside TLS. */
  async secure(options: ConnectionOptions = {}): Promise<void> {
    this.#socket.removeAllListeners();
    const secured = connectTls({ socket: this.#socket, rejectUnauthorized: false, ...options });
    this.#socket = secured;
    await once(secured, 'secureConnect');
    this.#listen();
  }

  write(text: string): void {
    this.#socket.write(text);
  }

  /** Reads up to and including what matches, and returns that. */
  async until(pattern: RegExp): Promise<string> {
    for (;;) {
      const match = pattern.exec(this.#text);
      if (match !== null) {
        const end = match.index + match[0].length;
        const read = this.#text.slice(0, end);
        this.#text = this.#text.slice(end);
        return read;
      }
      if (this.isClosed) throw new Error(`closed, waiting for ${pattern}; the rest: ${this.#text}`);
      await this.#somethingNew();
    }
  }

  /** Reads to the end of the server's half and returns it. */
  async rest(): Promise<string> {
    while (!this.isEnded && !this.isClosed) await this.#somethingNew();
    return this.#text;
  }

  #somethingNew(): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`nothing new in ${PATIENCE_MS} ms; read: ${this.#text}`)),
        PATIENCE_MS,
      );
      this.#news = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #listen(): void {
    const socket = this.#socket;
    socket.on('data', (chunk) => {
      this.#text += chunk;
      this.#news();
    });
    socket.on('end', () => {
      this.isEnded = true;
      this.#news();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      this.isClosed = true;
      this.#news();
    });
  }
}
