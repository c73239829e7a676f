import assert from 'node:assert/strict';
import { test } from 'node:test';
import { text } from '../../src/config/kinds.ts';
import { type ConfigOf, option, section } from '../../src/config/schema.ts';
import type { Command } from '../../src/core/commands.ts';
import type { Feature, FeatureHost } from '../../src/core/feature.ts';
import { accountSends, sessionBound, Topic } from '../../src/core/points.ts';
import { Service, Services } from '../../src/core/service.ts';
import { SlotTable } from '../../src/core/slots.ts';
import { Topics } from '../../src/core/topics.ts';
import { textResponse } from '../../src/http/message.ts';
import { BOUND } from '../../src/stream/stream.ts';
import { settle } from '../support/manual-clock.ts';
import { Stage } from '../support/stage.ts';
import { feature } from './scene.ts';

const GREETING = new Service<string>('greeting');

function needing(name: string, setup: (host: FeatureHost) => void): Feature {
  return { ...feature(name, setup), needs: [GREETING] };
}

test('a feature uses what one above it provides', async (t) => {
  let greeting = '';
  await Stage.open(t, {
    features: [
      feature('giver', (host) => host.provide(GREETING, 'hello')),
      needing('taker', (host) => {
        greeting = host.use(GREETING);
      }),
    ],
  });
  assert.equal(greeting, 'hello');
});

test('a feature may use what is not there', async (t) => {
  const found: (string | undefined)[] = [];
  const finder = (name: string) => feature(name, (host) => void found.push(host.find(GREETING)));
  const giver = feature('giver', (host) => host.provide(GREETING, 'hello'));
  await Stage.open(t, { features: [finder('above'), giver, finder('below')] });
  assert.deepEqual(found, [undefined, 'hello']);
});

test('a feature that can takes another configuration while it runs', async (t) => {
  const seen: unknown[] = [];
  const config = section('Greets.', { words: option(text(), { default: 'hello', doc: 'Them.', reload: 'live' }) });
  const greeter: Feature<ConfigOf<typeof config>> = {
    name: 'greeter',
    specs: [],
    config,
    setup: (_host, { words }) => {
      seen.push(words);
      return { configure: (changed) => void seen.push(changed.words) };
    },
  };
  const stage = await Stage.open(t, { features: [greeter, feature('other', () => {})] });
  for (const greets of [{ words: 'good day' }, {}, false]) stage.reload({ features: { greeter: greets } });
  assert.deepEqual(seen, ['hello', 'good day', 'hello']);
});

test('a feature without what it needs does not start, and says so', async (t) => {
  const giver = feature('giver', (host) => host.provide(GREETING, 'hello'));
  const taker = needing('taker', () => {});
  const needs = /the feature taker needs greeting, which no feature above it provides/;
  await assert.rejects(Stage.open(t, { features: [taker, giver] }), needs);
  await assert.rejects(Stage.open(t, { features: [giver, taker], config: { features: { giver: false } } }), needs);
  await assert.rejects(
    Stage.open(t, { features: [giver, feature('other', (host) => host.provide(GREETING, 'hi'))] }),
    /two features provide greeting/,
  );
});

test('two features cannot answer the same request nor take the same domain', async (t) => {
  const handler = (name: string) =>
    feature(name, (host) => host.handle({ type: 'get', ns: 'urn:q', name: 'q', to: 'host' }, () => undefined));
  await assert.rejects(Stage.open(t, { features: [handler('a'), handler('b')] }), /two handlers for host get q urn:q/);
  const mounting = (name: string) => feature(name, (host) => host.mount('rooms', { deliver: () => {} }));
  await assert.rejects(Stage.open(t, { features: [mounting('a'), mounting('b')] }), /rooms\.stage\.example/);
});

test('a feature that is switched off is not set up', async (t) => {
  await Stage.open(t, {
    features: [feature('off', () => assert.fail('set up'))],
    config: { features: { off: false } },
  });
});

test('when one feature cannot start, those before it are undone', async (t) => {
  const undone: string[] = [];
  const early = feature('early', (host) => host.defer(() => void undone.push('early')));
  const broken = feature('broken', (host) => {
    host.defer(() => void undone.push('broken'));
    throw new Error('no');
  });
  await assert.rejects(Stage.open(t, { features: [early, broken] }), { message: 'no' });
  assert.deepEqual(undone, ['broken', 'early']);
});

test('everything that a feature registers is undone at the end, the last first, whatever fails', async (t) => {
  const undone: string[] = [];
  const command: Command = { name: 'x', summary: 'x', parameters: [], run: () => null };
  const first = feature('first', (host) => host.defer(() => void undone.push('first')));
  const all = feature('all', (host) => {
    host.filter(accountSends, () => assert.fail('filters'));
    host.handle({ type: 'get', ns: 'urn:q', name: 'q', to: 'host' }, () => undefined);
    host.observe(sessionBound, () => assert.fail('observes'));
    host.advertise({ feature: 'urn:x' }, 'account');
    host.negotiate({ name: 'x', needs: BOUND, excludes: 0 });
    host.command(command);
    host.mount('rooms', { deliver: () => assert.fail('delivers') });
    host.http('GET', '/x', () => textResponse(200, 'x'));
    host.provide(GREETING, 'hello');
    host.every('work', 10, () => void undone.push('work'));
    host.accountSlot(() => assert.fail('loads'));
    host.defer(() => void undone.push('a'));
    host.defer(async () => {
      throw new Error('one cleanup');
    });
    host.defer(() => void undone.push('b'));
  });
  const stage = await Stage.open(t, { features: [first, all] });
  assert.deepEqual(stage.host.chains.accountSends.features, ['all']);
  assert.deepEqual(stage.host.advertisements.list('host'), [
    { feature: 'urn:q' },
    { item: { jid: 'rooms.stage.example' } },
  ]);
  await stage.clock.advance(10);
  assert.deepEqual(undone.splice(0), ['work']);
  await assert.rejects(stage.close(), { message: 'one cleanup' });
  assert.deepEqual(undone, ['b', 'a', 'first']);
  assert.ok(stage.host.chains.accountSends.isEmpty);
  assert.deepEqual(stage.host.advertisements.list('host'), []);
  assert.deepEqual(stage.host.advertisements.list('account'), []);
  assert.deepEqual(stage.host.streamFeatures, []);
  assert.deepEqual(stage.commands, []);
  assert.deepEqual(stage.host.accountLoaders, []);
  await stage.clock.advance(1000);
  assert.deepEqual(undone, ['b', 'a', 'first']);
});

test('what a route advertises depends on whom it is for, and can be hidden', async (t) => {
  const stage = await Stage.open(t, {
    features: [
      feature('f', (host) => {
        const route = { type: 'get', name: 'q' } as const;
        for (const to of ['host', 'self', 'account', 'session'] as const) {
          host.handle({ ...route, ns: `urn:${to}`, to }, () => undefined);
        }
        host.handle({ ...route, ns: 'urn:hidden', to: 'host', hidden: true }, () => undefined);
      }),
    ],
  });
  assert.deepEqual(stage.host.advertisements.list('host'), [{ feature: 'urn:host' }]);
  assert.deepEqual(stage.host.advertisements.list('account'), [{ feature: 'urn:self' }, { feature: 'urn:account' }]);
});

test('work that repeats goes on after a failure, which is logged', async (t) => {
  let runs = 0;
  const worker = feature('worker', (host) =>
    host.every('sweep', 1000, async () => {
      if (++runs === 1) throw new Error('store');
    }),
  );
  const stage = await Stage.open(t, { features: [worker] });
  await stage.clock.advance(3000);
  assert.equal(runs, 3);
  const failures = stage.log.records.filter(({ event }) => event === 'task.failed');
  assert.deepEqual(
    failures.map(({ fields }) => [fields['feature'], fields['task']]),
    [['worker', 'sweep']],
  );
});

test('observers are told in order; one that fails is reported and harms no other', async () => {
  const bugs: string[] = [];
  const topics = new Topics((where, error) => bugs.push(`${where} ${error instanceof Error ? error.message : ''}`));
  const topic = new Topic<number>('numbers');
  const told: string[] = [];
  topics.observe('a', topic, (n) => {
    told.push(`a ${n}`);
    throw new Error('now');
  });
  const stop = topics.observe('b', topic, async (n) => {
    told.push(`b ${n}`);
    throw new Error('later');
  });
  topics.observe('c', topic, (n) => void told.push(`c ${n}`));
  topics.announce(topic, 1);
  await settle();
  assert.deepEqual(told, ['a 1', 'b 1', 'c 1']);
  assert.deepEqual(bugs, ['numbers/a now', 'numbers/b later']);
  stop();
  topics.announce(topic, 2);
  assert.deepEqual(told.slice(3), ['a 2', 'c 2']);
  topics.announce(new Topic<number>('others'), 3);
  assert.equal(told.length, 5);
});

test('an observer that stops observing while it is told keeps no other from being told', () => {
  const topics = new Topics(() => assert.fail());
  const topic = new Topic<number>('numbers');
  const told: string[] = [];
  const stop = topics.observe('once', topic, () => {
    told.push('once');
    stop();
  });
  topics.observe('always', topic, () => void told.push('always'));
  topics.announce(topic, 1);
  topics.announce(topic, 2);
  assert.deepEqual(told, ['once', 'always', 'always']);
});

test('who settles a topic waits for all observers and learns of the first failure', async () => {
  const topics = new Topics(() => assert.fail());
  const topic = new Topic<number>('numbers');
  let done = 0;
  await topics.settle(topic, 1);
  topics.observe('a', topic, () => {
    throw new Error('first');
  });
  topics.observe('b', topic, async () => {
    await settle();
    done++;
  });
  await assert.rejects(topics.settle(topic, 1), { message: 'first' });
  assert.equal(done, 1);
});

test('services are provided once and can be withdrawn', () => {
  const services = new Services();
  assert.throws(() => services.use(GREETING), /nothing provides greeting/);
  const withdraw = services.provide(GREETING, 'hello');
  assert.equal(services.use(GREETING), 'hello');
  assert.throws(() => services.provide(GREETING, 'hi'), /two features provide greeting/);
  withdraw();
  assert.ok(!services.has(GREETING));
});

test('a slot is made when it is first read, once for each owner', () => {
  const table = new SlotTable();
  let made = 0;
  const numbers = table.lazy(() => ++made);
  const nothing = table.lazy<string | undefined>(() => {
    made++;
    return undefined;
  });
  const [a, b] = [{ slots: table.make() }, { slots: table.make() }];
  assert.equal(made, 0);
  assert.deepEqual([numbers.of(a), numbers.of(a), numbers.of(b)], [1, 1, 2]);
  assert.equal(nothing.of(a), undefined);
  assert.equal(nothing.of(a), undefined);
  assert.equal(made, 3);
  numbers.set(a, 7);
  assert.equal(numbers.of(a), 7);
  assert.equal(numbers.of(b), 2);
});
