import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  hasFrom,
  hasTo,
  inbound,
  inState,
  outbound,
  type SubscriptionState,
  type SubscriptionType,
  stateOf,
} from '../../../src/features/presence/subscription.ts';
import { JID } from '../../../src/jid.ts';

/** The states of RFC 6121 §A.1, under its own names, and those with a pre-approval (§3.4). */
const STATES = {
  None: ['none', false, false, false],
  'None + Pending Out': ['none', true, false, false],
  'None + Pending In': ['none', false, true, false],
  'None + Pending Out+In': ['none', true, true, false],
  To: ['to', false, false, false],
  'To + Pending In': ['to', false, true, false],
  From: ['from', false, false, false],
  'From + Pending Out': ['from', true, false, false],
  Both: ['both', false, false, false],
  'None, approved': ['none', false, false, true],
  'None + Pending Out, approved': ['none', true, false, true],
  'To, approved': ['to', false, false, true],
} as const;
type Name = keyof typeof STATES;

function state(name: Name): SubscriptionState {
  const [subscription, ask, pendingIn, approved] = STATES[name];
  return { subscription, ask, pendingIn, approved };
}

function nameOf(wanted: SubscriptionState): Name | undefined {
  const text = JSON.stringify(wanted);
  return (Object.keys(STATES) as Name[]).find((name) => JSON.stringify(state(name)) === text);
}

type Row<Fate> = readonly [before: Name, fate: Fate, after: Name];

// RFC 6121 §A.2; the rows that mention an approval beforehand, and "noted", are §3.4.2.
const OUTBOUND: Readonly<Record<SubscriptionType, readonly Row<'routed' | 'kept'>[]>> = {
  subscribe: [
    ['None', 'routed', 'None + Pending Out'],
    ['None + Pending Out', 'routed', 'None + Pending Out'],
    ['None + Pending In', 'routed', 'None + Pending Out+In'],
    ['None + Pending Out+In', 'routed', 'None + Pending Out+In'],
    ['To', 'routed', 'To'],
    ['To + Pending In', 'routed', 'To + Pending In'],
    ['From', 'routed', 'From + Pending Out'],
    ['From + Pending Out', 'routed', 'From + Pending Out'],
    ['Both', 'routed', 'Both'],
    ['None, approved', 'routed', 'None + Pending Out, approved'],
    ['None + Pending Out, approved', 'routed', 'None + Pending Out, approved'],
    ['To, approved', 'routed', 'To, approved'],
  ],
  unsubscribe: [
    ['None', 'routed', 'None'],
    ['None + Pending Out', 'routed', 'None'],
    ['None + Pending In', 'routed', 'None + Pending In'],
    ['None + Pending Out+In', 'routed', 'None + Pending In'],
    ['To', 'routed', 'None'],
    ['To + Pending In', 'routed', 'None + Pending In'],
    ['From', 'routed', 'From'],
    ['From + Pending Out', 'routed', 'From'],
    ['Both', 'routed', 'From'],
    ['None, approved', 'routed', 'None, approved'],
    ['None + Pending Out, approved', 'routed', 'None, approved'],
    ['To, approved', 'routed', 'None, approved'],
  ],
  subscribed: [
    ['None', 'kept', 'None, approved'],
    ['None + Pending Out', 'kept', 'None + Pending Out, approved'],
    ['None + Pending In', 'routed', 'From'],
    ['None + Pending Out+In', 'routed', 'From + Pending Out'],
    ['To', 'kept', 'To, approved'],
    ['To + Pending In', 'routed', 'Both'],
    ['From', 'kept', 'From'],
    ['From + Pending Out', 'kept', 'From + Pending Out'],
    ['Both', 'kept', 'Both'],
    ['None, approved', 'kept', 'None, approved'],
    ['None + Pending Out, approved', 'kept', 'None + Pending Out, approved'],
    ['To, approved', 'kept', 'To, approved'],
  ],
  unsubscribed: [
    ['None', 'kept', 'None'],
    ['None + Pending Out', 'kept', 'None + Pending Out'],
    ['None + Pending In', 'routed', 'None'],
    ['None + Pending Out+In', 'routed', 'None + Pending Out'],
    ['To', 'kept', 'To'],
    ['To + Pending In', 'routed', 'To'],
    ['From', 'routed', 'None'],
    ['From + Pending Out', 'routed', 'None + Pending Out'],
    ['Both', 'routed', 'To'],
    ['None, approved', 'kept', 'None'],
    ['None + Pending Out, approved', 'kept', 'None + Pending Out'],
    ['To, approved', 'kept', 'To'],
  ],
};

// RFC 6121 §A.3; "approved" is the answer `subscribed` in the account's name (§3.1.3).
const INBOUND: Readonly<Record<SubscriptionType, readonly Row<'delivered' | 'ignored' | 'approved'>[]>> = {
  subscribe: [
    ['None', 'delivered', 'None + Pending In'],
    ['None + Pending Out', 'delivered', 'None + Pending Out+In'],
    ['None + Pending In', 'ignored', 'None + Pending In'],
    ['None + Pending Out+In', 'ignored', 'None + Pending Out+In'],
    ['To', 'delivered', 'To + Pending In'],
    ['To + Pending In', 'ignored', 'To + Pending In'],
    ['From', 'approved', 'From'],
    ['From + Pending Out', 'approved', 'From + Pending Out'],
    ['Both', 'approved', 'Both'],
    ['None, approved', 'approved', 'From'],
    ['None + Pending Out, approved', 'approved', 'From + Pending Out'],
    ['To, approved', 'approved', 'Both'],
  ],
  unsubscribe: [
    ['None', 'ignored', 'None'],
    ['None + Pending Out', 'ignored', 'None + Pending Out'],
    ['None + Pending In', 'delivered', 'None'],
    ['None + Pending Out+In', 'delivered', 'None + Pending Out'],
    ['To', 'ignored', 'To'],
    ['To + Pending In', 'delivered', 'To'],
    ['From', 'delivered', 'None'],
    ['From + Pending Out', 'delivered', 'None + Pending Out'],
    ['Both', 'delivered', 'To'],
    ['None, approved', 'ignored', 'None, approved'],
    ['None + Pending Out, approved', 'ignored', 'None + Pending Out, approved'],
    ['To, approved', 'ignored', 'To, approved'],
  ],
  subscribed: [
    ['None', 'ignored', 'None'],
    ['None + Pending Out', 'delivered', 'To'],
    ['None + Pending In', 'ignored', 'None + Pending In'],
    ['None + Pending Out+In', 'delivered', 'To + Pending In'],
    ['To', 'ignored', 'To'],
    ['To + Pending In', 'ignored', 'To + Pending In'],
    ['From', 'ignored', 'From'],
    ['From + Pending Out', 'delivered', 'Both'],
    ['Both', 'ignored', 'Both'],
    ['None, approved', 'ignored', 'None, approved'],
    ['None + Pending Out, approved', 'delivered', 'To, approved'],
    ['To, approved', 'ignored', 'To, approved'],
  ],
  unsubscribed: [
    ['None', 'ignored', 'None'],
    ['None + Pending Out', 'delivered', 'None'],
    ['None + Pending In', 'ignored', 'None + Pending In'],
    ['None + Pending Out+In', 'delivered', 'None + Pending In'],
    ['To', 'delivered', 'None'],
    ['To + Pending In', 'delivered', 'None + Pending In'],
    ['From', 'ignored', 'From'],
    ['From + Pending Out', 'delivered', 'From'],
    ['Both', 'delivered', 'From'],
    ['None, approved', 'ignored', 'None, approved'],
    ['None + Pending Out, approved', 'delivered', 'None, approved'],
    ['To, approved', 'delivered', 'None, approved'],
  ],
};

const TYPES = ['subscribe', 'subscribed', 'unsubscribe', 'unsubscribed'] as const;

for (const type of TYPES) {
  for (const [before, fate, after] of OUTBOUND[type]) {
    test(`an outbound "${type}" in the state ${before} is ${fate} and leads to ${after}`, () => {
      const step = outbound(state(before), type);
      assert.equal(nameOf(step.state), after);
      assert.equal(step.isRouted ? 'routed' : 'kept', fate);
    });
  }
  for (const [before, fate, after] of INBOUND[type]) {
    test(`an inbound "${type}" in the state ${before} is ${fate} and leads to ${after}`, () => {
      const step = inbound(state(before), type);
      assert.equal(nameOf(step.state), after);
      assert.equal(step.isDelivered ? 'delivered' : step.isApproved ? 'approved' : 'ignored', fate);
    });
  }
}

test('the tables have a row for each state', () => {
  for (const table of [OUTBOUND, INBOUND]) {
    for (const type of TYPES) {
      const covered = table[type].map((row: Row<string>) => row[0]);
      assert.deepEqual(covered, Object.keys(STATES));
    }
  }
});

test('a state that does not change leaves the relation as it is, so that nothing is written', () => {
  const contact = JID.parse('juliet@stage.example');
  for (const name of Object.keys(STATES) as Name[]) {
    const relation = inState({ item: undefined, request: undefined }, contact, state(name), '<presence/>');
    assert.equal(nameOf(stateOf(relation)), name);
    for (const type of TYPES) {
      for (const step of [outbound(state(name), type), inbound(state(name), type)]) {
        const after = inState(relation, contact, step.state, '<presence/>');
        assert.equal(after === relation, nameOf(step.state) === name);
      }
    }
  }
});

/** Two accounts and the network between them, which keeps the order in each direction. */
class Pair {
  readonly states = [state('None'), state('None')];
  readonly #underWay: SubscriptionType[][] = [[], []];

  /** What the user of account `who` does; `remove` takes the other out of the roster (RFC 6121 §2.5). */
  act(who: number, action: SubscriptionType | 'remove'): void {
    if (action === 'remove') return this.#remove(who);
    const step = outbound(this.#state(who), action);
    this.states[who] = step.state;
    if (step.isRouted) this.#send(who, action);
  }

  /** Delivers the next stanza that account `who` has sent. */
  deliver(who: number): boolean {
    const type = this.#underWay[who]?.shift();
    if (type === undefined) return false;
    const other = 1 - who;
    const step = inbound(this.#state(other), type);
    this.states[other] = step.state;
    if (step.isApproved) this.#send(other, 'subscribed');
    return true;
  }

  settle(): void {
    while (this.deliver(0) || this.deliver(1));
  }

  /** Account `who` sends initial presence, and so a probe; the other's server answers it. RFC 6121 §4.3. */
  probe(who: number): void {
    if (hasTo(this.#state(who)) && !hasFrom(this.#state(1 - who))) this.#send(1 - who, 'unsubscribed');
    this.settle();
  }

  #remove(who: number): void {
    const { subscription, ask, pendingIn } = this.#state(who);
    if (hasTo({ subscription }) || ask) this.#send(who, 'unsubscribe');
    if (hasFrom({ subscription })) this.#send(who, 'unsubscribed');
    this.states[who] = { subscription: 'none', ask: false, pendingIn, approved: false };
  }

  #send(who: number, type: SubscriptionType): void {
    this.#underWay[who]?.push(type);
  }

  #state(who: number): SubscriptionState {
    return this.states[who] ?? state('None');
  }
}

const actions = fc.constantFrom(...TYPES, 'remove' as const);
const who = fc.constantFrom(0, 1);

test('when each stanza arrives before the next is sent, the two sides agree', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(who, actions), { maxLength: 30 }), (steps) => {
      const pair = new Pair();
      for (const [account, action] of steps) {
        pair.act(account, action);
        pair.settle();
        const [a, b] = pair.states;
        assert.ok(a && b && nameOf(a) !== undefined && nameOf(b) !== undefined);
        assert.equal(hasTo(a), hasFrom(b));
        assert.equal(hasTo(b), hasFrom(a));
        assert.equal(a.ask, b.pendingIn);
        assert.equal(b.ask, a.pendingIn);
      }
    }),
    { numRuns: 500 },
  );
});

test('when stanzas cross, no state is reached that is none, and a probe ends a subscription that only one side believes in', () => {
  const step = fc.oneof(fc.tuple(who, actions), fc.tuple(who, fc.constant('deliver' as const)));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const pair = new Pair();
      for (const [account, action] of steps) {
        if (action === 'deliver') pair.deliver(account);
        else pair.act(account, action);
        for (const reached of pair.states) assert.ok(nameOf(reached), JSON.stringify(reached));
      }
      pair.settle();
      pair.probe(0);
      pair.probe(1);
      const [a, b] = pair.states;
      assert.ok(a && b);
      if (hasTo(a)) assert.ok(hasFrom(b));
      if (hasTo(b)) assert.ok(hasFrom(a));
    }),
    { numRuns: 500 },
  );
});
