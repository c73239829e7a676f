import { randomUUID } from 'node:crypto';
import { type Client, client, xml } from '@xmpp/client';
import type { Element } from '@xmpp/xml';
import { WebSocket } from 'ws';
import { DOMAIN, eventually, type LiveServer, PASSWORD } from './live-server.ts';
import { acceptAnyCertificate } from './unverified-tls.ts';

/** How long the library waits for an answer while it opens a stream; its own two seconds are too few for a busy machine. */
export const CLIENT_PATIENCE_MS = 20_000;

export { xml };

// The library gives no way to accept a certificate that is self-signed: its connections are those of this process.
acceptAnyCertificate();
// The library wants the browser's WebSocket, which Node 20 has not.
Object.assign(globalThis, { WebSocket });

export interface XmppClientOptions {
  /** `tcp`, with STARTTLS, unless given. */
  readonly over?: keyof LiveServer['urls'];
  readonly password?: string;
  readonly resource?: string;
  /** PLAIN unless given, where it is offered: the library computes the others slowly. */
  readonly mechanism?: string;
  /** Logs in by SASL2 and has everything else with it; else as RFC 6120 has it, one after the other. */
  readonly inline?: boolean;
  /** Whom the client says it is an installation of, for SASL2. */
  readonly clientId?: string;
}

/** A client made with the library @xmpp/client. Stanzas that are no answers are kept until they are asked for. */
export class XmppClient {
  readonly client: Client;
  readonly received: Element[] = [];
  /** What the library complained of. */
  readonly errors: Error[] = [];
  /** What the server can do for a stream, each time that it said so. */
  readonly features: Element[] = [];
  mechanisms: readonly string[] = [];

  constructor(server: LiveServer, username: string, options: XmppClientOptions = {}) {
    const { over = 'tcp', password = PASSWORD, resource, mechanism, inline = false } = options;
    const userAgent = xml('user-agent', { id: options.clientId ?? randomUUID() });
    this.client = client({
      service: server.urls[over],
      domain: DOMAIN,
      timeout: CLIENT_PATIENCE_MS,
      ...(resource === undefined ? {} : { resource }),
      credentials: async (authenticate, mechanisms, fast) => {
        this.mechanisms = mechanisms;
        const usual = mechanisms.includes('PLAIN') ? 'PLAIN' : 'SCRAM-SHA-1';
        const token = await fast?.fetchToken();
        return authenticate({ username, password, ...(token ? { token } : {}) }, mechanism ?? usual, userAgent);
      },
    });
    // The library would rather use what is newer.
    if (!inline) this.client.prependListener('element', hideSasl2);
    this.client.reconnect.delay = 50;
    this.client.on('error', (error: Error) => this.errors.push(error));
    this.client.on('stanza', (stanza: Element) => {
      if (stanza.name !== 'iq' || stanza.attrs['type'] === 'set') this.received.push(stanza);
    });
    this.client.on('nonza', (element: Element) => {
      if (element.name.endsWith('features')) this.features.push(element);
    });
    server.beforeEnd(() => this.stop());
  }

  /** Logs in. */
  static async connect(server: LiveServer, username: string, options?: XmppClientOptions): Promise<XmppClient> {
    const connected = new XmppClient(server, username, options);
    await connected.client.start();
    return connected;
  }

  /** Logs in and sends initial presence, and waits until the server has told it so. RFC 6121 §4.2.2. */
  static async online(server: LiveServer, username: string, options?: XmppClientOptions): Promise<XmppClient> {
    const online = await XmppClient.connect(server, username, options);
    await online.client.send(xml('presence'));
    await online.next((stanza) => stanza.name === 'presence' && stanza.attrs['from'] === online.jid);
    return online;
  }

  /** The full address. */
  get jid(): string {
    return this.client.jid.toString();
  }

  async stop(): Promise<void> {
    this.client.reconnect.stop();
    if (this.client.status !== 'offline') await this.client.stop().catch(() => undefined);
  }

  async send(stanza: Element): Promise<void> {
    await this.client.send(stanza);
  }

  async chat(to: string, body: string): Promise<void> {
    await this.send(xml('message', { to, type: 'chat' }, xml('body', {}, body)));
  }

  /** Requests, and returns the payload of the result. Rejects with the error of the server. */
  async get(payload: Element, to?: string): Promise<Element | undefined> {
    return this.#request('get', payload, to);
  }

  async set(payload: Element, to?: string): Promise<Element | undefined> {
    return this.#request('set', payload, to);
  }

  /** Requests, and returns the condition of the error. */
  async refused(type: 'get' | 'set', payload: Element, to?: string): Promise<string> {
    const refusal = await this.#request(type, payload, to).then(
      () => ({ condition: 'none' }),
      (error: { condition: string }) => error,
    );
    return refusal.condition;
  }

  /** Takes the first stanza that is wanted out of those received. */
  async next(wanted: (stanza: Element) => boolean, withinMs?: number): Promise<Element> {
    const what = `${this.client.jid} receives what it waits for; has ${this.received.join('\n')}`;
    return eventually(
      what,
      () => {
        const index = this.received.findIndex(wanted);
        return index < 0 ? undefined : this.received.splice(index, 1)[0];
      },
      withinMs,
    );
  }

  /** Takes the next message with a body, and returns it. */
  async nextMessage(): Promise<Element> {
    return this.next((stanza) => stanza.name === 'message' && stanza.getChild('body') !== undefined);
  }

  /** Returns what the server let the stream negotiate, once it has said so, by name. */
  async offers(): Promise<string[]> {
    await eventually('the server offers features', () => this.features.length > 0);
    return this.features.flatMap((features) => features.getChildElements().map(({ name }) => name));
  }

  /** Waits until the server has handled what was sent to it. */
  async settled(): Promise<void> {
    await this.get(xml('ping', { xmlns: 'urn:xmpp:ping' }), DOMAIN);
  }

  async #request(type: 'get' | 'set', payload: Element, to: string | undefined): Promise<Element | undefined> {
    const result = await this.client.iqCaller.request(
      xml('iq', { type, ...(to === undefined ? {} : { to }) }, payload),
      5000,
    );
    return result.getChildElements()[0];
  }
}

function hideSasl2(element: Element): void {
  if (element.name.endsWith('features')) element.remove('authentication', 'urn:xmpp:sasl:2');
}
