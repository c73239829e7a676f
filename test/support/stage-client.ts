import assert from 'node:assert/strict';
import { attr, child, type Element, firstElement, serialize } from '../../src/xml/element.ts';
import { parseElement } from '../../src/xml/parser.ts';
import { assertXml, matches } from './compare.ts';
import type { LoopbackTransport } from './loopback.ts';
import { settle } from './manual-clock.ts';

// Password hashing runs on other threads: the only thing on the stage that takes real time.
const PATIENCE_MS = 5000;

/** A client on the stage: sends what the test says and holds what it receives, in order. */
export class StageClient {
  readonly name: string;
  readonly transport: LoopbackTransport;
  readonly #domain: string;
  #requests = 0;
  /** The full JID, once bound. */
  jid = '';

  constructor(name: string, transport: LoopbackTransport, domain: string) {
    this.name = name;
    this.transport = transport;
    this.#domain = domain;
  }

  /** Opens the stream and returns the features. */
  async open(attributes = `to='${this.#domain}' version='1.0'`): Promise<Element> {
    this.transport.write(
      `<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' ${attributes}>`,
    );
    await this.nextNamed('header');
    return this.nextNamed('features');
  }

  /** Opens the stream, authenticates with PLAIN, and opens it again; returns the features after that. */
  async logIn(user: string, password: string): Promise<Element> {
    await this.open();
    const response = Buffer.from(`\0${user}\0${password}`).toString('base64');
    this.transport.write(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${response}</auth>`);
    const answer = await this.next();
    assert.equal(answer.name, 'success', serialize(answer));
    return this.open();
  }

  async bind(resource: string): Promise<void> {
    const result = await this.set(
      `<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>${resource}</resource></bind>`,
    );
    const jid = result && child(result, 'jid');
    this.jid = String(jid?.children[0] ?? '');
    assert.notEqual(this.jid, '');
  }

  /** Sends XML and lets the server do what it can do at once. */
  async sends(xml: string): Promise<void> {
    this.transport.write(xml);
    await quiet();
  }

  /** Sends a get and returns the payload of its result; what arrived before the result stays to be read. */
  get(payload: string, to?: string): Promise<Element | undefined> {
    return this.#request('get', payload, to);
  }

  set(payload: string, to?: string): Promise<Element | undefined> {
    return this.#request('set', payload, to);
  }

  /** Sends a request and returns the whole answer, a result or an error. */
  async ask(type: 'get' | 'set', payload: string, to?: string): Promise<Element> {
    const id = `q${++this.#requests}`;
    const address = to === undefined ? '' : ` to="${to}"`;
    this.transport.write(`<iq type="${type}" id="${id}"${address}>${payload}</iq>`);
    return this.#take((element) => element.name === 'iq' && attr(element, 'id') === id);
  }

  /** Sends a request and returns the condition of its error. */
  async refused(type: 'get' | 'set', payload: string, to?: string): Promise<string> {
    const answer = await this.ask(type, payload, to);
    const error = child(answer, 'error');
    assert.ok(error, `expected an error, got ${serialize(answer)}`);
    return firstElement(error)?.name ?? '';
  }

  /** The next element received, whatever it is. */
  next(): Promise<Element> {
    return this.#take(() => true);
  }

  async nextNamed(name: string): Promise<Element> {
    const element = await this.next();
    assert.equal(element.name, name, serialize(element));
    return element;
  }

  /** Asserts that the next element received is this one; `*` stands for any attribute value or text. */
  async receives(expected: string | Element): Promise<void> {
    assertXml(await this.next(), expected);
  }

  /** Asserts that these elements were received, in whatever order, and nothing else. */
  async receivesAll(expected: readonly string[]): Promise<void> {
    const left = expected.map((xml) => parseElement(xml));
    for (let i = 0; i < expected.length; i++) {
      const element = await this.next();
      const found = left.findIndex((wanted) => matches(element, wanted));
      assert.ok(found >= 0, `unexpected: ${serialize(element)}`);
      left.splice(found, 1);
    }
    await this.receivesNothing();
  }

  async receivesNothing(): Promise<void> {
    await quiet();
    assert.deepEqual(this.transport.received.map(serialize), []);
  }

  /** Drops what was received. */
  async forget(): Promise<void> {
    await quiet();
    this.transport.received.length = 0;
  }

  /** Asserts that the stream ends with this error. */
  async isClosedWith(condition: string): Promise<void> {
    const error = await this.#take((element) => element.name === 'error');
    assert.equal(firstElement(error)?.name, condition);
    await quiet();
    assert.ok(this.transport.isClosed);
  }

  async #request(type: 'get' | 'set', payload: string, to?: string): Promise<Element | undefined> {
    const answer = await this.ask(type, payload, to);
    assert.equal(attr(answer, 'type'), 'result', serialize(answer));
    return firstElement(answer);
  }

  async #take(wanted: (element: Element) => boolean): Promise<Element> {
    const until = performance.now() + PATIENCE_MS;
    for (;;) {
      const found = this.transport.received.findIndex(wanted);
      if (found >= 0) return this.transport.received.splice(found, 1)[0] as Element;
      const waiting = this.transport.received.map(serialize).join('\n');
      assert.ok(performance.now() < until, `${this.name} waited in vain; received: ${waiting}`);
      await settle();
    }
  }
}

/** Lets everything happen that needs no time to pass. */
async function quiet(): Promise<void> {
  for (let i = 0; i < 6; i++) await settle();
}
