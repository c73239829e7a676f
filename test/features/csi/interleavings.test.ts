import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { csi } from '../../../src/features/csi/index.ts';
import { parseStanza } from '../../../src/stanza.ts';
import { attr, type Element } from '../../../src/xml/element.ts';
import { parseElement } from '../../../src/xml/parser.ts';
import type { LoopbackTransport } from '../../support/loopback.ts';
import { settle } from '../../support/manual-clock.ts';
import { PASSWORD, Stage } from '../../support/stage.ts';
import { ReliableClient } from '../sm/reliable-client.ts';
import { address, FEATURES } from '../sm/scene.ts';

const RUNS = 60;
const CONTACTS = ['friar', 'nurse'];
const STATE = "<active xmlns='http://jabber.org/protocol/chatstates'/>";
const BODY = '<body>hi</body>';

/** A phone that counts what it receives, and comes back to its session whenever its connection was cut. */
class Phone {
  readonly #client = new ReliableClient();
  readonly #stage: Stage;
  #transport: LoopbackTransport | undefined;
  /** The numbers of all stanzas that it has received, in order. */
  readonly received: number[] = [];
  /** The number of the last presence of each contact. */
  readonly shown = new Map<string, number>();

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  async connect(): Promise<void> {
    this.#client.detach();
    const connection = this.#stage.connect('phone');
    await connection.logIn('romeo', PASSWORD);
    if (this.#client.id === '') await connection.bind('phone');
    const { transport } = connection;
    this.#transport = transport;
    this.#client.attach((xml) => transport.write(xml));
    if (this.#client.id !== '') return;
    this.hear(1);
    this.#client.say('<presence/>');
    await settle();
  }

  /** Takes so many of the elements that have come. */
  hear(count: number): void {
    for (const element of this.#transport?.received.splice(0, count) ?? []) this.#take(element);
  }

  /** The connection breaks: what has come and was not heard is lost. */
  cut(): void {
    this.#client.detach();
    this.#transport?.break();
    this.#transport = undefined;
  }

  indicate(state: 'active' | 'inactive'): void {
    if (this.#client.isReady) this.#transport?.write(`<${state} xmlns='urn:xmpp:csi:0'/>`);
  }

  ask(): void {
    this.#client.ask();
  }

  #take(element: Element): void {
    this.#client.take(element);
    const number = Number(attr(element, 'id'));
    if (!Number.isInteger(number)) return;
    this.received.push(number);
    if (element.name === 'presence') this.shown.set(attr(element, 'from') ?? '', number);
  }
}

type Step =
  | { readonly do: 'presence' | 'state' | 'message'; readonly contact: number }
  | { readonly do: 'active' | 'inactive' | 'cut' | 'connect' | 'ask' | 'second' }
  | { readonly do: 'hear'; readonly count: number };

const steps = fc.array(
  fc.oneof(
    {
      weight: 10,
      arbitrary: fc.record({
        do: fc.constantFrom('presence', 'presence', 'presence', 'presence', 'state', 'message'),
        contact: fc.nat(CONTACTS.length - 1),
      }),
    },
    { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('active', 'inactive', 'inactive', 'inactive') }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constantFrom('cut', 'connect', 'ask', 'second') }) },
    { weight: 3, arbitrary: fc.record({ do: fc.constant('hear'), count: fc.integer({ min: 1, max: 8 }) }) },
  ) as fc.Arbitrary<Step>,
  { minLength: 10, maxLength: 60 },
);

test('whenever a client is active, away or cut off, it has every message once and in order, and the last presence of each contact', async (t) => {
  let superseded = 0;
  await fc.assert(
    fc.asyncProperty(steps, fc.constantFrom(2, 500), async (all, maxStanzas) => {
      const stage = await Stage.open(t, {
        features: [csi, ...FEATURES],
        config: { features: { csi: { maxStanzas } } },
      });
      await stage.host.users.create('romeo', PASSWORD);
      const phone = new Phone(stage);
      await phone.connect();
      const messages: number[] = [];
      const shown = new Map<string, number>();
      let sent = 0;
      for (const step of all) {
        if (step.do === 'hear') phone.hear(step.count);
        else if (step.do === 'cut') phone.cut();
        else if (step.do === 'connect') await phone.connect();
        else if (step.do === 'ask') phone.ask();
        else if (step.do === 'second') await stage.clock.advance(1000);
        else if (step.do === 'active' || step.do === 'inactive') phone.indicate(step.do);
        else if ('contact' in step) {
          const from = `${CONTACTS[step.contact]}@elsewhere.example/x`;
          const envelope = `from='${from}' to='${address('romeo', 'phone')}' id='${sent}'`;
          if (step.do === 'presence') shown.set(from, sent);
          else messages.push(sent);
          sent++;
          const content = step.do === 'state' ? STATE : BODY;
          const xml =
            step.do === 'presence'
              ? `<presence ${envelope}/>`
              : `<message type='chat' ${envelope}>${content}</message>`;
          stage.router.send(parseStanza(parseElement(xml), undefined));
          await settle();
        }
      }
      await phone.connect();
      await stage.clock.advance(1000);
      phone.hear(Number.POSITIVE_INFINITY);
      const { received } = phone;
      assert.ok(
        received.every((number, i) => i === 0 || number > Number(received[i - 1])),
        `order: ${received}`,
      );
      assert.deepEqual(
        messages.filter((number) => !received.includes(number)),
        [],
      );
      assert.deepEqual(new Map([...phone.shown].sort()), new Map([...shown].sort()));
      superseded += sent - received.length;
      await stage.close();
    }),
    { numRuns: RUNS },
  );
  t.diagnostic(`${superseded} superseded`);
});
