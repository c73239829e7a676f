import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { ScramClient } from '../../test/support/scram-client.ts';
import { DOMAIN, PASSWORD } from '../server.ts';

const HEADER =
  `<stream:stream to='${DOMAIN}' version='1.0' xmlns='jabber:client' ` +
  "xmlns:stream='http://etherx.jabber.org/streams'>";
const NS_SASL = 'urn:ietf:params:xml:ns:xmpp-sasl';
const NS_BIND = 'urn:ietf:params:xml:ns:xmpp-bind';
const ANSWER_MS = 30_000;

/** Where to find the server. */
export interface Target {
  readonly port: number;
  readonly isTls: boolean;
}

/** A client that looks for a few patterns in what it receives and parses nothing, so that it is cheaper than the server. */
export class LoadClient {
  readonly jid: string;
  /** Takes what arrives once the client is online. */
  received: (chunk: Buffer) => void = () => {};
  readonly #user: string;
  readonly #resource: string;
  readonly #socket: Socket;
  #text = '';
  #wanted = '';
  #found: ((text: string) => void) | undefined;

  private constructor(user: string, resource: string, { port, isTls }: Target) {
    this.#user = user;
    this.#resource = resource;
    this.jid = `${user}@${DOMAIN}/${resource}`;
    const address = { host: '127.0.0.1', port };
    const tls = { ...address, rejectUnauthorized: false, servername: DOMAIN, ALPNProtocols: ['xmpp-client'] };
    this.#socket = isTls ? connectTls(tls) : connectTcp(address);
    this.#socket.setNoDelay(true);
    this.#socket.on('data', (chunk: Buffer) => this.#read(chunk));
  }

  /** Resolves with a client that is online: logged in, bound and available. */
  static async online(user: string, resource: string, target: Target): Promise<LoadClient> {
    const client = new LoadClient(user, resource, target);
    await client.#logIn();
    client.send(`<presence/><iq type='get' id='online' to='${DOMAIN}'><ping xmlns='urn:xmpp:ping'/></iq>`);
    await client.#until('id="online"');
    client.#text = '';
    return client;
  }

  send(xml: string): void {
    this.#socket.write(xml);
  }

  /** Closes the stream; resolves when the connection is gone. */
  async leave(): Promise<void> {
    const closed = once(this.#socket, 'close');
    this.#socket.end('</stream:stream>');
    await closed;
  }

  async #logIn(): Promise<void> {
    const scram = scramOf(this.#user);
    this.send(HEADER);
    await this.#until('</stream:features>');
    this.send(`<auth xmlns='${NS_SASL}' mechanism='SCRAM-SHA-256'>${scram.first().toString('base64')}</auth>`);
    const challenge = contentOf(await this.#until('</challenge>'));
    const final = scram.final(Buffer.from(challenge, 'base64')).toString('base64');
    this.send(`<response xmlns='${NS_SASL}'>${final}</response>`);
    await this.#until('</success>');
    this.send(HEADER);
    await this.#until('</stream:features>');
    this.send(`<iq type='set' id='bind'><bind xmlns='${NS_BIND}'><resource>${this.#resource}</resource></bind></iq>`);
    await this.#until('</bind></iq>');
  }

  #read(chunk: Buffer): void {
    if (this.#found === undefined) return this.received(chunk);
    this.#text += chunk.toString('latin1');
    this.#look();
  }

  #look(): void {
    const at = this.#text.indexOf(this.#wanted);
    if (at < 0) return;
    const end = at + this.#wanted.length;
    const text = this.#text.slice(0, end);
    this.#text = this.#text.slice(end);
    this.#found?.(text);
  }

  /** Resolves with what comes up to and with the pattern. */
  #until(pattern: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const refuse = (why: string): void => {
        settle();
        reject(new Error(`${this.jid} waited for ${pattern}: ${why} ${this.#text.slice(0, 300)}`));
      };
      const failed = (): void => refuse('the connection broke');
      const timer = setTimeout(() => refuse('nothing came'), ANSWER_MS);
      const settle = (): void => {
        clearTimeout(timer);
        this.#found = undefined;
        this.#socket.off('close', failed);
        this.#socket.off('error', failed);
      };
      this.#socket.on('close', failed);
      this.#socket.on('error', failed);
      this.#wanted = pattern;
      this.#found = (text) => {
        settle();
        resolve(text);
      };
      this.#look();
    });
  }
}

/** Counts how often a pattern occurs in bytes that come in pieces. */
export class PatternCount {
  readonly #pattern: string;
  #rest = '';

  constructor(pattern: string) {
    this.#pattern = pattern;
  }

  /** Returns how often it has come to an end in this piece. */
  in(chunk: Buffer): number {
    const text = this.#rest + chunk.toString('latin1');
    let count = 0;
    let from = 0;
    for (let at = text.indexOf(this.#pattern); at >= 0; at = text.indexOf(this.#pattern, from)) {
      count++;
      from = at + this.#pattern.length;
    }
    this.#rest = text.slice(Math.max(from, text.length - this.#pattern.length + 1));
    return count;
  }
}

// Kept, because the client's key derivation is dear and a loader logs the same users in again and again.
const scramClients = new Map<string, ScramClient>();

function scramOf(username: string): ScramClient {
  const known = scramClients.get(username);
  const scram = known ?? new ScramClient({ hash: 'SHA-256', username, password: PASSWORD });
  scramClients.set(username, scram);
  return scram;
}

function contentOf(xml: string): string {
  return /<challenge[^>]*>([^<]*)</.exec(xml)?.[1] ?? '';
}
