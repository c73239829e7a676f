import assert from 'node:assert/strict';
import { attr, child, type Element, serialize, text } from '../../../src/xml/element.ts';
import type { LoopbackTransport } from '../../support/loopback.ts';
import { DOMAIN, PASSWORD, type Stage } from '../../support/stage.ts';
import { ReliableClient } from '../sm/reliable-client.ts';
import { NS_MAM, NS_RSM, stanzaId } from './scene.ts';

const NS_CARBONS = 'urn:xmpp:carbons:2';
const NS_FORWARD = 'urn:xmpp:forward:0';

/**
 * A device of somebody, with a client as it should be: it acknowledges stanzas, resumes its session where it can, has copies of
 * what other devices send and receive, and reads from the archive what it has missed, a page at a time.
 */
export class Device {
  readonly user: string;
  /** What it knows of the conversation: texts by the identifiers of its account's archive. */
  readonly known = new Map<string, string>();
  readonly #stage: Stage;
  readonly #resource: string;
  #client = new ReliableClient();
  #transport: LoopbackTransport | undefined;
  /** Up to here it has everything. */
  #synced: string | undefined;
  /** Whether it has read all that it had missed, so that what arrives now follows on that. */
  #isUpToDate = false;
  #readings = 0;
  #browsings = 0;
  /** Stanzas of an earlier session that the server has not handled. */
  #unsent: string[] = [];

  constructor(stage: Stage, user: string, resource: string) {
    this.#stage = stage;
    this.user = user;
    this.#resource = resource;
  }

  get isConnected(): boolean {
    return this.#transport !== undefined;
  }

  /** Comes back to its session or, where that is over, begins another. */
  async connect(): Promise<void> {
    if (this.isConnected) return;
    const connection = this.#stage.connect(this.user);
    await connection.logIn(this.user, PASSWORD);
    if (this.#client.id === '') await connection.bind(this.#resource);
    const { transport } = connection;
    this.#transport = transport;
    this.#client.attach((xml) => transport.write(xml));
    await connection.sends('');
    const refused = transport.received.findIndex(({ name }) => name === 'failed');
    if (refused >= 0) {
      this.#lose(Number(attr(transport.received[refused] as Element, 'h') ?? '0'));
      transport.received.splice(0);
      await connection.bind(this.#resource);
      this.#client.attach((xml) => transport.write(xml));
      await connection.sends('');
    }
    const isNew = transport.received.some(({ name }) => name === 'enabled');
    this.hear(1);
    if (!isNew) return;
    this.#client.say(`<iq type="set" id="carbons"><enable xmlns="${NS_CARBONS}"/></iq>`);
    for (const stanza of this.#unsent.splice(0)) this.#client.say(stanza);
    this.#client.say('<presence/>');
    this.#isUpToDate = false;
    this.#read();
  }

  /** The connection breaks: what has come and was not heard is lost. */
  cut(): void {
    this.#client.detach();
    this.#transport?.break();
    this.#transport = undefined;
  }

  /** Takes so many of the elements that have come. */
  hear(count: number): void {
    for (const element of this.#transport?.received.splice(0, count) ?? []) this.#take(element);
  }

  /** Hears until nothing comes any more. */
  async catchUp(): Promise<void> {
    do {
      this.hear(Number.POSITIVE_INFINITY);
      for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
    } while ((this.#transport?.received.length ?? 0) > 0);
  }

  say(to: string, body: string): void {
    const stanza = `<message to="${to}@${DOMAIN}" type="chat" id="${body}"><body>${body}</body></message>`;
    if (this.#client.id === '' && !this.isConnected) this.#unsent.push(stanza);
    else this.#client.say(stanza);
  }

  write(to: string, state: 'composing' | 'paused'): void {
    const content = `<${state} xmlns="http://jabber.org/protocol/chatstates"/>`;
    if (this.#client.isReady) this.#client.say(`<message to="${to}@${DOMAIN}" type="chat">${content}</message>`);
  }

  indicate(state: 'active' | 'inactive'): void {
    if (this.#client.isReady) this.#transport?.write(`<${state} xmlns="urn:xmpp:csi:0"/>`);
  }

  /** Asks for a page of the archive that it may know already. */
  browse(): void {
    const set = `<set xmlns="${NS_RSM}"><max>4</max><before/></set>`;
    const query = `<query xmlns="${NS_MAM}" queryid="browse">${set}</query>`;
    if (this.#client.isReady) this.#client.say(`<iq type="set" id="b${++this.#browsings}">${query}</iq>`);
  }

  // The session is over. What the server has handled of what was sent need not be sent again.
  #lose(handled: number): void {
    this.#unsent = [...this.#client.unhandled(handled), ...this.#unsent].filter((stanza) => stanza.includes('<body>'));
    this.#client = new ReliableClient();
  }

  #read(): void {
    const after = this.#synced === undefined ? '' : `<after>${this.#synced}</after>`;
    const set = `<set xmlns="${NS_RSM}"><max>3</max>${after}</set>`;
    const query = `<query xmlns="${NS_MAM}" queryid="missed">${set}</query>`;
    this.#client.say(`<iq type="set" id="m${++this.#readings}">${query}</iq>`);
  }

  #take(element: Element): void {
    this.#client.take(element);
    const fin = child(element, 'fin', NS_MAM);
    if (fin !== undefined && attr(element, 'id') === `m${this.#readings}`) return this.#finish(fin);
    if (element.name !== 'message') return;
    const result = child(element, 'result', NS_MAM);
    if (result !== undefined) return this.#learn(attr(result, 'id') ?? '', inside(result));
    const copy = child(element, 'sent', NS_CARBONS) ?? child(element, 'received', NS_CARBONS);
    const message = copy === undefined ? element : inside(copy);
    if (child(message, 'body') === undefined) return;
    const id = stanzaId(message, `${this.user}@${DOMAIN}`);
    assert.ok(id, `without an identifier: ${serialize(element)}`);
    this.#learn(id, message);
    if (this.#isUpToDate && id > (this.#synced ?? '')) this.#synced = id;
  }

  #finish(fin: Element): void {
    const set = child(fin, 'set', NS_RSM);
    const last = set && child(set, 'last');
    if (last !== undefined) this.#synced = text(last);
    this.#isUpToDate = attr(fin, 'complete') === 'true';
    if (!this.#isUpToDate) this.#read();
  }

  #learn(id: string, message: Element): void {
    const body = text(child(message, 'body'));
    if (body === '') return;
    assert.equal(this.known.get(id) ?? body, body, 'two messages under one identifier');
    this.known.set(id, body);
  }
}

function inside(wrapper: Element): Element {
  const forwarded = child(wrapper, 'forwarded', NS_FORWARD);
  const message = forwarded && child(forwarded, 'message', 'jabber:client');
  assert.ok(message, serialize(wrapper));
  return message;
}
