import type { Account } from '../../src/core/account.ts';
import type { Host } from '../../src/core/host.ts';
import type { Link, Session } from '../../src/core/session.ts';
import { JID } from '../../src/jid.ts';
import { parseStanza } from '../../src/stanza.ts';
import { parseElement } from '../../src/xml/parser.ts';

interface Wanted {
  readonly text: string;
  resolve(xml: string): void;
  reject(error: Error): void;
}

/** A session and its link without a network, for very many of them: what it is sent is counted and not kept. */
export class LinkedClient implements Link {
  readonly bufferedBytes = 0;
  readonly bytesRead = 0;
  readonly bytesWritten = 0;
  readonly remoteAddress = '127.0.0.1';
  readonly secure = true;
  /** How many stanzas it was sent. */
  received = 0;
  readonly host: Host;
  #account: Account | undefined;
  #session: Session | undefined;
  #wanted: Wanted | undefined;

  private constructor(host: Host) {
    this.host = host;
  }

  /** Binds a resource, as a client does that has just logged in. */
  static async bind(host: Host, local: string, resource: string): Promise<LinkedClient> {
    const client = new LinkedClient(host);
    await host.sessions.bind(JID.of(local, host.domain, resource), client, false, ({ account, session }) => {
      client.#account = account;
      client.#session = session;
    });
    return client;
  }

  get account(): Account {
    if (this.#account === undefined) throw new Error('the client is not bound');
    return this.#account;
  }

  get session(): Session {
    if (this.#session === undefined) throw new Error('the client is not bound');
    return this.#session;
  }

  /** Sends one stanza; resolves when the next may follow. */
  async sends(xml: string): Promise<void> {
    await this.host.fromClient(this.account, this.session, parseStanza(parseElement(xml), undefined));
  }

  /** Sends a stanza, and resolves with the first thing that comes and has a text in it; rejects when the stream ends before. */
  async asks(xml: string, text: string): Promise<string> {
    const answer = new Promise<string>((resolve, reject) => {
      this.#wanted = { text, resolve, reject };
    });
    // Rejected while the stanza is under way, it has nobody who looks at it yet.
    answer.catch(() => {});
    await this.sends(xml);
    return answer;
  }

  /** Ends the session. */
  leave(): void {
    this.host.sessions.end(this.account, this.session, { kind: 'closed' });
  }

  send(xml: string): void {
    this.received++;
    if (this.#wanted === undefined || !xml.includes(this.#wanted.text)) return;
    this.#wanted.resolve(xml);
    this.#wanted = undefined;
  }

  close(): void {
    this.#wanted?.reject(new Error(`the server closed the stream of ${this.#session?.jid}`));
    this.#wanted = undefined;
  }
}
