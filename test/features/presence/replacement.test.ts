import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { Feature, FeatureHost } from '../../../src/core/feature.ts';
import { blocking } from '../../../src/features/blocking/index.ts';
import { presence } from '../../../src/features/presence/index.ts';
import { type Roster, rosterReplaced, rosters, type Subscription } from '../../../src/features/roster/api.ts';
import { LiveRoster } from '../../../src/features/roster/roster.ts';
import { JID } from '../../../src/jid.ts';
import { DOMAIN, Stage } from '../../support/stage.ts';

type Subscriptions = Readonly<Record<string, Subscription>>;

function rosterOf(subscriptions: Subscriptions): LiveRoster {
  const items = Object.entries(subscriptions).map(([address, subscription]) => {
    const jid = JID.parse(address.includes('@') ? address : `${address}@${DOMAIN}`);
    return [jid.toString(), { jid, name: undefined, groups: [], subscription, ask: false, approved: false }] as const;
  });
  return new LiveRoster(JSON.stringify(subscriptions), new Map(items), new Map());
}

/** A stage whose rosters the test replaces; what is sent elsewhere is kept as text. */
async function open(t: TestContext) {
  const all = new Map<string, Roster>();
  const of = (local: string): Roster => all.get(local) ?? LiveRoster.EMPTY;
  let scope: FeatureHost | undefined;
  const owner: Feature = {
    name: 'owner',
    specs: [],
    setup(host) {
      scope = host;
      host.provide(rosters, {
        isDelegated: true,
        isKnown: () => true,
        isInterested: () => false,
        of: ({ jid }) => of(jid.local),
        change: () => assert.fail(),
      });
    },
  };
  const stage = await Stage.open(t, { features: [owner, blocking, presence] });
  const sent: string[] = [];
  const deliver = ({ from, type, to }: { from?: JID | undefined; type: string; to?: JID | undefined }) =>
    void sent.push(`${from} ${type} ${to}`);
  t.after(stage.router.mount('elsewhere.example', { deliver }));

  function replace(changes: Readonly<Record<string, Subscriptions>>): void {
    const before = new Map(Object.keys(changes).map((local) => [local, of(local)]));
    for (const [local, subscriptions] of Object.entries(changes)) all.set(local, rosterOf(subscriptions));
    for (const [local, old] of before) {
      const account = stage.host.account(local);
      if (account !== undefined) scope?.announce(rosterReplaced, { account, before: old, after: of(local) });
    }
  }
  return { stage, sent, replace };
}

const BOB = 'bob@elsewhere.example';

function presences(client: { transport: { received: { attrs: Record<string, string> }[] } }): string[] {
  return client.transport.received.splice(0).map(({ attrs }) => `${attrs['from']} ${attrs['type'] ?? 'available'}`);
}

test('each direction of a subscription that begins or ends is shown, asked for or taken back by itself', async (t) => {
  const { stage, sent, replace } = await open(t);
  const { romeo } = await stage.online({ romeo: 'romeo' });
  const steps: readonly (readonly [Subscription | undefined, string[], string[]])[] = [
    ['to', [`${romeo.jid} probe ${BOB}`], []],
    ['both', [`${romeo.jid} available ${BOB}`], []],
    ['from', [], [`${BOB} unavailable`]],
    ['none', [`${romeo.jid} unavailable ${BOB}`], []],
    ['both', [`${romeo.jid} available ${BOB}`, `${romeo.jid} probe ${BOB}`], []],
    ['both', [], []],
    [undefined, [`${romeo.jid} unavailable ${BOB}`], [`${BOB} unavailable`]],
    ['none', [], []],
  ];
  for (const [subscription, out, back] of steps) {
    replace({ romeo: subscription === undefined ? {} : { [BOB]: subscription } });
    await stage.clock.advance(0);
    assert.deepEqual([sent.splice(0), presences(romeo)], [out, back], subscription);
  }
});

test('two who come into sight of each other, and lose each other at the same time, see that once', async (t) => {
  const { stage, replace } = await open(t);
  const { romeo, juliet } = await stage.online({ romeo: 'romeo', juliet: 'juliet' });
  replace({ romeo: { juliet: 'both' }, juliet: { romeo: 'both' } });
  await stage.clock.advance(0);
  for (const [client, other] of [
    [romeo, juliet],
    [juliet, romeo],
  ] as const) {
    assert.deepEqual([...new Set(presences(client))], [`${other.jid} available`]);
  }
  replace({ romeo: {}, juliet: {} });
  await stage.clock.advance(0);
  assert.deepEqual(presences(romeo), [`${juliet.jid} unavailable`]);
  assert.deepEqual(presences(juliet), [`${romeo.jid} unavailable`]);
});

test('only the resources that were seen are seen to go', async (t) => {
  const { stage, replace } = await open(t);
  const cast = { romeo: 'romeo', juliet: 'juliet', nurse: 'nurse', tybalt: 'tybalt' };
  const { romeo, juliet, nurse, tybalt } = await stage.online(cast);
  // The nurse does not show herself to romeo, tybalt has blocked him.
  const friends = { juliet: { romeo: 'from' }, nurse: { romeo: 'to' }, tybalt: { romeo: 'both' } } as const;
  replace({ ...friends, romeo: { juliet: 'to', nurse: 'to', tybalt: 'to' } });
  await tybalt.set(`<block xmlns='urn:xmpp:blocking'><item jid='romeo@${DOMAIN}'/></block>`);
  for (const client of [romeo, juliet, nurse, tybalt]) await client.forget();
  replace({ romeo: {} });
  await stage.clock.advance(0);
  assert.deepEqual(presences(romeo), [`${juliet.jid} unavailable`]);
  for (const client of [juliet, nurse, tybalt]) assert.deepEqual(presences(client), []);
});

test('who is lost and found again at once has not gone', async (t) => {
  const { stage, replace } = await open(t);
  const { romeo, juliet } = await stage.online({ romeo: 'romeo', juliet: 'juliet' });
  replace({ romeo: { juliet: 'to' }, juliet: { romeo: 'from' } });
  for (const client of [romeo, juliet]) await client.forget();
  replace({ romeo: {} });
  replace({ romeo: { juliet: 'to' } });
  await stage.clock.advance(0);
  assert.deepEqual(presences(romeo), [`${juliet.jid} available`]);
});

test('who is not available, or has blocked the contact, causes nothing', async (t) => {
  const { stage, sent, replace } = await open(t);
  const { silent } = await stage.connected({ silent: 'romeo' });
  replace({ romeo: { [BOB]: 'both' } });
  replace({ romeo: {} });
  await silent.sends('<presence/>');
  await silent.set(`<block xmlns='urn:xmpp:blocking'><item jid='elsewhere.example'/></block>`);
  await silent.forget();
  replace({ romeo: { [BOB]: 'both' } });
  replace({ romeo: {} });
  await stage.clock.advance(0);
  assert.deepEqual([sent, presences(silent)], [[], []]);
});
