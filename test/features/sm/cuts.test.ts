import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { LoopbackTransport } from '../../support/loopback.ts';
import { PASSWORD, Stage } from '../../support/stage.ts';
import { ReliableClient } from './reliable-client.ts';
import { address, chat, FEATURES } from './scene.ts';

const RUNS = 30;

/** One side of the conversation: a client and the transport that it has now. */
class Side {
  readonly user: string;
  readonly client = new ReliableClient();
  readonly stage: Stage;
  readonly other: string;
  transport: LoopbackTransport | undefined;
  said = 0;

  constructor(stage: Stage, user: string, other: string) {
    this.stage = stage;
    this.user = user;
    this.other = other;
  }

  async connect(): Promise<void> {
    const connection = this.stage.connect(this.user);
    await connection.logIn(this.user, PASSWORD);
    if (this.client.id === '') {
      await connection.bind('it');
      await connection.sends('<presence/>');
      await connection.forget();
    }
    const { transport } = connection;
    this.transport = transport;
    this.client.attach((xml) => transport.write(xml));
  }

  say(count: number): void {
    for (let i = 0; i < count; i++) this.client.say(chat(address(this.other), `${this.user} ${this.said++}`));
  }

  /** Takes so many of the elements that have come. */
  hear(count: number): void {
    for (const element of this.transport?.received.splice(0, count) ?? []) this.client.take(element);
  }

  /** The connection breaks: what has come and was not heard is lost, and of what is being said only a part arrives. */
  cut(part: number): void {
    if (this.transport === undefined) return;
    const stanza = chat(address(this.other), `${this.user} ${this.said++}`);
    const { transport } = this;
    if (this.client.isReady) transport.write(stanza.slice(0, Math.floor(stanza.length * part)));
    this.client.detach();
    this.client.say(stanza);
    transport.break();
    this.transport = undefined;
  }
}

type Step = { readonly side: 0 | 1 } & (
  | { readonly do: 'say' | 'hear'; readonly count: number }
  | { readonly do: 'cut'; readonly part: number }
  | { readonly do: 'connect' | 'ask' | 'acknowledge' | 'sulk' | 'second' }
);

const side = fc.constantFrom(0, 1);
const count = fc.integer({ min: 1, max: 8 });
const kinds = fc.constantFrom('ask', 'acknowledge', 'sulk', 'second');
const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ side, do: fc.constant('say'), count }) },
    { weight: 5, arbitrary: fc.record({ side, do: fc.constant('hear'), count }) },
    { weight: 2, arbitrary: fc.record({ side, do: fc.constant('cut'), part: fc.constantFrom(0, 0.3, 0.99, 1) }) },
    { weight: 3, arbitrary: fc.record({ side, do: fc.constant('connect') }) },
    { weight: 3, arbitrary: fc.record({ side, do: kinds }) },
  ) as fc.Arbitrary<Step>,
  { minLength: 10, maxLength: 60 },
);

test('wherever connections are cut, each message arrives once and in order', async (t) => {
  let cuts = 0;
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      const stage = await Stage.open(t, { features: FEATURES });
      for (const user of ['romeo', 'juliet']) await stage.host.users.create(user, PASSWORD);
      const sides = [new Side(stage, 'romeo', 'juliet'), new Side(stage, 'juliet', 'romeo')] as const;
      for (const each of sides) {
        await each.connect();
        each.hear(1);
      }
      for (const step of all) {
        const self = sides[step.side];
        if (step.do === 'say') self.say(step.count);
        else if (step.do === 'hear') self.hear(step.count);
        else if (step.do === 'cut') self.cut(step.part);
        else if (step.do === 'connect') {
          // Also while it believes to be connected: then it is the server that has not noticed.
          self.client.detach();
          await self.connect();
        } else if (step.do === 'ask') self.client.ask();
        else if (step.do === 'acknowledge') self.client.acknowledge();
        else if (step.do === 'sulk') self.client.answers = !self.client.answers;
        else await stage.clock.advance(1000);
        if (step.do === 'cut') cuts++;
      }
      await reconcile(stage, sides);
      const [romeo, juliet] = sides;
      assert.deepEqual(juliet.client.inbox, expected('romeo', romeo.said));
      assert.deepEqual(romeo.client.inbox, expected('juliet', juliet.said));
      assert.deepEqual(
        sides.map(({ client }) => client.waiting),
        [0, 0],
      );
      await stage.close();
    }),
    { numRuns: RUNS },
  );
  t.diagnostic(`${cuts} cuts`);
});

/** Brings both sides together again until nothing is under way any more. */
async function reconcile(stage: Stage, sides: readonly Side[]): Promise<void> {
  for (const each of sides) {
    each.client.answers = true;
    each.client.detach();
    await each.connect();
  }
  for (let round = 0; round < 4; round++) {
    for (const each of sides) {
      each.hear(Number.POSITIVE_INFINITY);
      each.client.ask();
    }
    await stage.clock.advance(1000);
  }
  for (const each of sides) each.hear(Number.POSITIVE_INFINITY);
}

function expected(user: string, said: number): string[] {
  return Array.from({ length: said }, (_, i) => `${user} ${i}`);
}
