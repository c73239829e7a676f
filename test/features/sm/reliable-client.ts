import assert from 'node:assert/strict';
import { attr, type Element, serialize } from '../../../src/xml/element.ts';
import { ASK, acknowledgement, ENABLE, NS } from './names.ts';

/** What a client does for XEP-0198, whatever carries its elements: it counts, keeps, and sends again. */
export class ReliableClient {
  /** The bodies of the chat messages received, in order. */
  readonly inbox: string[] = [];
  /** Whether stanzas may flow on the stream that it has now. */
  isReady = false;
  /** How often it has resumed its session. */
  resumptions = 0;
  /** Whether it answers when it is asked. */
  answers = true;
  #id = '';
  #handled = 0;
  #acknowledged = 0;
  readonly #unacknowledged: string[] = [];
  #send: (xml: string) => void = () => {};

  /** How many of its stanzas the server has not acknowledged. */
  get waiting(): number {
    return this.#unacknowledged.length;
  }

  get id(): string {
    return this.#id;
  }

  /** A stream is there, logged in and, the first time, with a resource. */
  attach(send: (xml: string) => void): void {
    this.#send = send;
    send(this.#id === '' ? ENABLE : `<resume xmlns='${NS}' previd='${this.#id}' h='${this.#handled}'/>`);
  }

  /** The stream is gone. */
  detach(): void {
    this.isReady = false;
    this.#send = () => {};
  }

  /** Sends a stanza, now or when there is a stream. */
  say(stanza: string): void {
    this.#unacknowledged.push(stanza);
    if (this.isReady) this.#send(stanza);
  }

  ask(): void {
    if (this.isReady) this.#send(ASK);
  }

  acknowledge(): void {
    if (this.isReady) this.#send(acknowledgement(this.#handled));
  }

  /** Takes an element from the server. */
  take(element: Element): void {
    const { name } = element;
    if (name === 'enabled') {
      this.#id = attr(element, 'id') ?? '';
      this.isReady = true;
      for (const stanza of this.#unacknowledged) this.#send(stanza);
    } else if (name === 'resumed') {
      this.resumptions++;
      this.isReady = true;
      this.#forget(element);
      for (const stanza of this.#unacknowledged) this.#send(stanza);
    } else if (name === 'a') this.#forget(element);
    else if (name === 'r') {
      if (this.answers) this.acknowledge();
    } else {
      assert.ok(name === 'message' || name === 'presence' || name === 'iq', serialize(element));
      assert.notEqual(attr(element, 'type'), 'error', serialize(element));
      // What comes before stream management is on is not counted.
      if (!this.isReady) return;
      this.#handled = (this.#handled + 1) % 2 ** 32;
      const body = element.children.find((node) => typeof node !== 'string' && node.name === 'body');
      if (typeof body === 'object' && attr(element, 'type') === 'chat') this.inbox.push(String(body.children[0]));
    }
  }

  /** What the server has not handled, when it has handled so many stanzas. */
  unhandled(h: number): readonly string[] {
    const count = (h - this.#acknowledged + 2 ** 32) % 2 ** 32;
    assert.ok(count <= this.#unacknowledged.length, `${h} after ${this.#acknowledged}`);
    return this.#unacknowledged.slice(count);
  }

  #forget(element: Element): void {
    const h = Number(attr(element, 'h'));
    const left = this.unhandled(h);
    this.#unacknowledged.splice(0, this.#unacknowledged.length - left.length);
    this.#acknowledged = h;
  }
}
