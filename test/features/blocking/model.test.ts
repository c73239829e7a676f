import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { blocking } from '../../../src/features/blocking/index.ts';
import { presence } from '../../../src/features/presence/index.ts';
import { roster } from '../../../src/features/roster/index.ts';
import { attr, child, type Element, firstElement, text } from '../../../src/xml/element.ts';
import { DOMAIN } from '../../support/stage.ts';
import type { StageClient } from '../../support/stage-client.ts';
import { command, open } from './scene.ts';

const NAMES = ['juliet', 'romeo', 'nurse'] as const;
type Name = (typeof NAMES)[number];
type Cast = Readonly<Record<Name, StageClient>>;

interface Action {
  readonly kind: 'block' | 'unblock' | 'subscribe' | 'appear' | 'vanish' | 'message' | 'probe';
  readonly who: Name;
  readonly whom: Name;
}

const action: fc.Arbitrary<Action> = fc
  .record({
    kind: fc.constantFrom('block', 'unblock', 'subscribe', 'appear', 'vanish', 'message', 'probe'),
    who: fc.constantFrom(...NAMES),
    whom: fc.constantFrom(...NAMES),
  } as const)
  .filter(({ who, whom }) => who !== whom);

const PAIRS = NAMES.flatMap((who) => NAMES.filter((whom) => whom !== who).map((whom) => ({ who, whom })));

/** What is there when it begins: most of them see each other, and are there. */
const prelude: fc.Arbitrary<Action[]> = fc
  .record({
    friends: fc.subarray(PAIRS, { minLength: 4 }),
    present: fc.subarray([...NAMES], { minLength: 2 }),
  })
  .map(({ friends, present }) => [
    ...friends.map((pair) => ({ kind: 'subscribe', ...pair }) as const),
    ...present.map((who) => ({ kind: 'appear', who, whom: who }) as const),
  ]);

/** Who has blocked whom, who sees whose presence, who is there; and from that, what everybody is to receive. */
class Model {
  readonly blocks = new Set<string>();
  /** "a b": b sees a's presence. */
  readonly seen = new Set<string>();
  readonly present = new Set<Name>();
  expected: string[] = [];

  /** Whether anything gets from one to the other. */
  isOpen(from: Name, to: Name): boolean {
    return !this.blocks.has(`${from} ${to}`) && !this.blocks.has(`${to} ${from}`);
  }

  step({ kind, who, whom }: Action): void {
    const pair = `${who} ${whom}`;
    switch (kind) {
      case 'block':
        if (this.blocks.has(pair)) return;
        if (this.present.has(who)) this.#show(who, whom, 'unavailable');
        this.blocks.add(pair);
        return;
      case 'unblock':
        if (!this.blocks.delete(pair) || !this.present.has(who)) return;
        this.#show(who, whom, 'available');
        this.#ask(who, whom);
        return;
      case 'subscribe':
        if (this.isOpen(who, whom)) this.seen.add(`${whom} ${who}`);
        return;
      case 'appear':
        this.expected.push(`${who}: available ${who}`);
        for (const other of NAMES) {
          if (other === who) continue;
          this.#show(who, other, 'available');
          if (!this.present.has(who)) this.#ask(who, other);
        }
        this.present.add(who);
        return;
      case 'vanish':
        if (!this.present.has(who)) return;
        for (const other of NAMES) if (other !== who) this.#show(who, other, 'unavailable');
        this.present.delete(who);
        this.expected.push(`${who}: unavailable ${who}`);
        return;
      case 'message':
        if (this.blocks.has(pair)) this.expected.push(`${who}: not-acceptable ${whom}`);
        // The same for somebody who is blocked, and for a stranger who is away.
        else if (!this.isOpen(who, whom) || !this.present.has(whom)) {
          this.expected.push(`${who}: service-unavailable ${whom}`);
        } else this.expected.push(`${whom}: message ${who}`);
        return;
      case 'probe':
        if (this.blocks.has(pair)) this.expected.push(`${who}: not-acceptable ${whom}`);
        else if (this.isOpen(who, whom)) this.#answer(whom, who);
        return;
    }
  }

  #show(who: Name, to: Name, type: string): void {
    if (this.seen.has(`${who} ${to}`) && this.isOpen(who, to) && this.present.has(to)) {
      this.expected.push(`${to}: ${type} ${who}`);
    }
  }

  #ask(who: Name, whom: Name): void {
    if (this.seen.has(`${whom} ${who}`) && this.isOpen(who, whom)) this.#answer(whom, who);
  }

  #answer(who: Name, to: Name): void {
    if (this.seen.has(`${who} ${to}`)) {
      this.expected.push(`${to}: ${this.present.has(who) ? 'available' : 'unavailable'} ${who}`);
    }
  }
}

async function play(client: StageClient, clients: Cast, { kind, whom }: Action): Promise<void> {
  const to = `${whom}@${DOMAIN}`;
  switch (kind) {
    case 'block':
    case 'unblock':
      await client.set(command(kind, to));
      return;
    case 'subscribe':
      await client.sends(`<presence type='subscribe' to='${to}'/>`);
      await clients[whom].sends(`<presence type='subscribed' to='${client.jid.split('/')[0]}'/>`);
      return;
    case 'appear':
      return client.sends('<presence/>');
    case 'vanish':
      return client.sends("<presence type='unavailable'/>");
    case 'message':
      return client.sends(`<message to='${to}' type='chat'><body>hi</body></message>`);
    case 'probe':
      return client.sends(`<presence to='${to}' type='probe'/>`);
  }
}

/** What a client has received by now, in a few words. */
function received(client: StageClient): string[] {
  return client.transport.received.splice(0).map((stanza) => `${client.name}: ${summary(stanza)}`);
}

function summary(stanza: Element): string {
  const from = attr(stanza, 'from')?.split('@')[0] ?? '';
  const type = attr(stanza, 'type') ?? 'available';
  if (type === 'error') return `${firstElement(child(stanza, 'error') ?? stanza)?.name} ${from}`;
  return stanza.name === 'message' ? `message ${from}${text(stanza)}` : `${type} ${from}`;
}

test('whoever is blocked sees what a stranger sees of somebody who is away, whatever happens in what order', async (t) => {
  const stage = await open(t, { features: [blocking, roster, presence] });
  const clients = await stage.connected({ juliet: 'juliet', romeo: 'romeo', nurse: 'nurse' });
  const everyone = NAMES.map((name) => clients[name]);

  async function begin(): Promise<void> {
    for (const client of everyone) {
      await client.sends("<presence type='unavailable'/>");
      await client.set(command('unblock'));
    }
    for (const client of everyone) {
      for (const name of NAMES) {
        const item = `<item jid='${name}@${DOMAIN}' subscription='remove'/>`;
        await client.ask('set', `<query xmlns='jabber:iq:roster'>${item}</query>`);
      }
    }
    for (const client of everyone) await client.forget();
  }

  await fc.assert(
    fc.asyncProperty(prelude, fc.array(action, { minLength: 3, maxLength: 12 }), async (first, then) => {
      await begin();
      const model = new Model();
      for (const step of [...first, ...then]) {
        await play(clients[step.who], clients, step);
        await clients[step.who].sends(' ');
        const outcome = everyone.flatMap(received).sort();
        model.expected = [];
        model.step(step);
        if (step.kind === 'subscribe' && model.isOpen(step.who, step.whom)) continue;
        if (step.kind === 'subscribe') {
          // One of them is told that it has blocked the other; the other is told nothing at all.
          for (const line of outcome) assert.match(line, /: not-acceptable /);
        } else assert.deepEqual(outcome, model.expected.sort(), JSON.stringify(step));
      }
    }),
    { numRuns: 50 },
  );
});
