import { createServer, type Server, type Socket } from 'node:net';
import { normalizeAddress } from './address.ts';
import { type Endpoint, type Listening, listen } from './listen.ts';

export interface LoudspeakerOptions {
  /** How many may listen at the same time; more are let go at once. */
  readonly maxListeners: number;
  /** Whoever has left more than this unread when there is something new is let go. */
  readonly maxUnreadBytes: number;
  /** Somebody listens now: returns what they are told first. */
  readonly joined: () => string;
  /** The last has gone. */
  readonly alone: () => void;
  /** Somebody was let go, for this reason. */
  readonly dropped: (address: string, reason: 'too-many' | 'does-not-read') => void;
}

/** A TCP server that only talks: everybody hears the same, and nothing that they send is read. */
export class Loudspeaker {
  readonly #server: Server;
  readonly #options: LoudspeakerOptions;
  readonly #sockets = new Set<Socket>();

  constructor(options: LoudspeakerOptions) {
    this.#options = options;
    // Half a connection is enough for whoever only listens.
    this.#server = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, (socket) =>
      this.#connected(socket),
    );
  }

  /** How many listen. */
  get listeners(): number {
    return this.#sockets.size;
  }

  /** Begins. Throws ListenError. */
  listen(endpoint: Endpoint): Promise<Listening> {
    return listen(this.#server, endpoint);
  }

  /** Tells everybody. */
  say(text: string): void {
    if (text === '') return;
    for (const socket of [...this.#sockets]) this.#tell(socket, text);
  }

  /** Stops, and lets everybody go. */
  close(): void {
    this.#server.close();
    for (const socket of [...this.#sockets]) socket.destroy();
  }

  #connected(socket: Socket): void {
    const address = normalizeAddress(socket.remoteAddress ?? '');
    if (this.#sockets.size >= this.#options.maxListeners) {
      socket.destroy();
      return this.#options.dropped(address, 'too-many');
    }
    socket.on('error', () => socket.destroy());
    socket.once('close', () => {
      this.#sockets.delete(socket);
      if (this.#sockets.size === 0) this.#options.alone();
    });
    const first = this.#options.joined();
    this.#sockets.add(socket);
    this.#tell(socket, first);
  }

  #tell(socket: Socket, text: string): void {
    if (socket.writableLength > this.#options.maxUnreadBytes) {
      socket.destroy();
      return this.#options.dropped(normalizeAddress(socket.remoteAddress ?? ''), 'does-not-read');
    }
    socket.write(text);
  }
}
