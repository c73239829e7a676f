import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { StreamError } from '../../src/errors.ts';
import { attr, type Element, firstElement, serialize } from '../../src/xml/element.ts';
import { XmlParser } from '../../src/xml/parser.ts';
import { ReliableClient } from '../features/sm/reliable-client.ts';
import { DOMAIN, PASSWORD, type Reachable } from './live-server.ts';

const HEADER = `<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='${DOMAIN}' version='1.0'>`;
const LIMITS = { maxBytes: 1 << 20, maxDepth: 64, maxAttributes: 64, maxChildren: 1024 };

/** After how many bytes since the login a connection is cut, in each direction; undefined: never. */
export interface Cuts {
  readonly in: number | undefined;
  readonly out: number | undefined;
  /** Whether the server learns of it by a reset. */
  readonly isReset: boolean;
}

const UNCUT: Cuts = { in: undefined, out: undefined, isReset: false };

/** A client with stream management on a socket of its own, without encryption, that comes back when it is cut off. */
export class ResumingClient {
  readonly client = new ReliableClient();
  readonly user: string;
  readonly resource: string;
  /** Called after whatever has been received. */
  heard: () => void = () => {};
  /** Called when a connection is over that stanzas could flow on. */
  lost: () => void = () => {};
  /** The conditions with which the server refused to resume the session. */
  readonly refusals: string[] = [];
  readonly #server: Reachable;
  #socket: Socket | undefined;
  #cuts: Cuts = UNCUT;
  #parser: XmlParser | undefined;
  #step: (element: Element) => void = () => {};

  constructor(server: Reachable, user: string, resource: string) {
    this.#server = server;
    this.user = user;
    this.resource = resource;
    server.beforeEnd(() => void this.#socket?.destroy());
  }

  /** Connects, logs in and binds the resource or resumes the session; rejects when the connection breaks before. */
  async connect(cuts: Cuts = UNCUT): Promise<void> {
    this.#cuts = UNCUT;
    const socket = connect({ port: this.#server.port('c2s'), host: '127.0.0.1', noDelay: true });
    this.#socket = socket;
    const closed = once(socket, 'close').then(() => {
      throw new Error('the connection broke');
    });
    closed.catch(() => {});
    socket.on('error', () => {});
    socket.on('data', (chunk: Buffer) => {
      if (this.#socket === socket) this.#read(chunk);
    });
    await Promise.race([this.#negotiate(socket, cuts), closed]);
    if (socket.destroyed) throw new Error('the connection broke');
    socket.on('close', () => {
      if (this.#socket !== socket) return;
      this.client.detach();
      this.lost();
    });
    this.heard();
  }

  /** Breaks the connection off. */
  break(): void {
    this.client.detach();
    if (this.#cuts.isReset) this.#socket?.resetAndDestroy();
    else this.#socket?.destroy();
  }

  async #negotiate(socket: Socket, cuts: Cuts): Promise<void> {
    await this.#open(socket);
    const response = Buffer.from(`\0${this.user}\0${PASSWORD}`).toString('base64');
    socket.write(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${response}</auth>`);
    await this.#next('success');
    await this.#open(socket);
    if (this.client.id === '') {
      const bind = `<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>${this.resource}</resource></bind>`;
      socket.write(`<iq type='set' id='bind'>${bind}</iq>`);
      assert.equal(attr(await this.#next('iq'), 'type'), 'result');
    }
    const ready = this.#next('enabled', 'resumed', 'failed');
    this.#cuts = cuts;
    this.client.attach((xml) => this.#write(xml));
    const answer = await ready;
    if (answer.name !== 'failed') return;
    this.refusals.push(firstElement(answer)?.name ?? '');
    throw new Error(serialize(answer));
  }

  async #open(socket: Socket): Promise<void> {
    const features = this.#next('features');
    this.#parser = new XmlParser(
      {
        header: () => {},
        element: (element) => this.#take(element),
        ended: () => {},
      },
      LIMITS,
    );
    socket.write(HEADER);
    await features;
  }

  /** Resolves with the next element of one of these names; everything else is the client's business. */
  #next(...names: readonly string[]): Promise<Element> {
    return new Promise((resolve) => {
      this.#step = (element) => {
        if (!names.includes(element.name)) return;
        this.#step = () => {};
        resolve(element);
      };
    });
  }

  #take(element: Element): void {
    this.#step(element);
    if (['features', 'success', 'error', 'failed'].includes(element.name)) return;
    if (element.name === 'iq' && attr(element, 'id') === 'bind') return;
    this.client.take(element);
  }

  #read(chunk: Buffer): void {
    const { in: left } = this.#cuts;
    const isCut = left !== undefined && chunk.length >= left;
    try {
      this.#parser?.write(isCut ? chunk.subarray(0, left) : chunk);
    } catch (error) {
      if (!(error instanceof StreamError)) throw error;
      assert.fail(`the server sent ${chunk}: ${error.message}`);
    }
    if (left !== undefined) this.#cuts = { ...this.#cuts, in: left - chunk.length };
    if (isCut) return this.break();
    this.heard();
  }

  #write(xml: string): void {
    const bytes = Buffer.from(xml);
    const { out: left } = this.#cuts;
    if (left === undefined || bytes.length < left) {
      if (left !== undefined) this.#cuts = { ...this.#cuts, out: left - bytes.length };
      return void this.#socket?.write(bytes);
    }
    const socket = this.#socket;
    this.client.detach();
    socket?.write(bytes.subarray(0, left), () => this.break());
  }
}
