import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Router } from '../../src/core/router.ts';
import { StanzaError } from '../../src/errors.ts';
import { JID } from '../../src/jid.ts';
import { type AnyStanza, conditionOf, iq, message, presence } from '../../src/stanza.ts';
import type { Awaitable } from '../../src/util/awaitable.ts';
import { settle } from '../support/manual-clock.ts';
import { Stage } from '../support/stage.ts';
import { errorXml, feature } from './scene.ts';

const A = JID.parse('a.example');
const B = JID.parse('b.example');

function begin(deliver: (stanza: AnyStanza) => Awaitable<void> = () => {}) {
  const failures: unknown[] = [];
  const router = new Router((error) => failures.push(error));
  const told: string[] = [];
  const destination = (name: string) => ({
    deliver(stanza: AnyStanza): Awaitable<void> {
      told.push(`${name} ${stanza.id ?? conditionOf(stanza)}`);
      return deliver(stanza);
    },
  });
  router.mount('a.example', destination('a'));
  const unmount = router.mount('b.example', destination('b'));
  return { router, told, failures, unmount };
}

test('what is sent while a stanza is processed goes out when it is finished, in order', () => {
  const { router, told } = begin((stanza) => {
    if (stanza.id !== '1') return;
    router.send(message({ type: 'normal', from: A, to: B, id: '3' }));
    told.push('1 is finished');
  });
  router.process(() => {
    router.send(message({ type: 'normal', from: A, to: B, id: '1' }));
    router.process(() => router.send(message({ type: 'normal', from: A, to: B, id: '2' })));
    assert.deepEqual(told, []);
  });
  assert.deepEqual(told, ['b 1', '1 is finished', 'b 2', 'b 3']);
  router.send(message({ type: 'normal', from: A, to: B, id: '4' }));
  assert.equal(told.at(-1), 'b 4');
});

test('what was sent goes out when the processing of a stanza fails', () => {
  const { router, told } = begin();
  assert.throws(() =>
    router.process(() => {
      router.send(message({ type: 'normal', from: A, to: B, id: '1' }));
      throw new Error('a bug');
    }),
  );
  assert.deepEqual(told, ['b 1']);
});

test('a thousand stanzas that each send another do not grow the stack', () => {
  let count = 0;
  const { router } = begin((stanza) => {
    if (++count < 100_000) router.send(stanza);
  });
  router.send(message({ type: 'normal', from: A, to: B, id: '1' }));
  assert.equal(count, 100_000);
});

test('one destination for each domain, which can be taken away', () => {
  const { router, told, unmount } = begin();
  assert.throws(() => router.mount('b.example', { deliver: () => {} }), /two destinations for b\.example/);
  unmount();
  router.send(message({ type: 'normal', from: A, to: B, id: '1' }));
  assert.deepEqual(told, ['a 1']);
});

test('an error answers neither errors nor results, nor what nobody sent', () => {
  const { router, told } = begin();
  const far = JID.parse('far.example');
  for (const stanza of [
    message({ type: 'error', from: A, to: far }),
    presence({ type: 'error', from: A, to: far }),
    iq({ type: 'result', from: A, to: far, id: '1' }),
    iq({ type: 'error', from: A, to: far, id: '1' }),
    message({ type: 'normal', to: far }),
    message({ type: 'normal', from: far, to: far }),
  ]) {
    router.send(stanza);
  }
  assert.deepEqual(told, []);
  router.send(message({ type: 'normal', from: A, to: far }));
  router.send(presence({ type: 'probe', from: A }));
  assert.deepEqual(told, ['a remote-server-not-found', 'a remote-server-not-found']);
});

test('a destination that fails harms nobody: a bug, and an answer for the sender', async () => {
  for (const isAsync of [false, true]) {
    const failure = new TypeError('a bug');
    const { router, told, failures } = begin((stanza) => {
      if (stanza.to?.domain !== 'b.example') return;
      if (isAsync) return Promise.reject(failure);
      throw failure;
    });
    await router.process(() => router.route(message({ type: 'normal', from: A, to: B })));
    router.send(message({ type: 'normal', from: A, to: B }));
    await settle();
    assert.deepEqual(told.toSorted(), [
      'a internal-server-error',
      'a internal-server-error',
      'b undefined-condition',
      'b undefined-condition',
    ]);
    assert.deepEqual(failures, [failure, failure]);
  }
});

test('a service of a subdomain takes what is addressed to it; its bugs end no stream', async (t) => {
  const service = feature('rooms', (host) => {
    host.mount('rooms', {
      deliver(stanza) {
        if (stanza.id === 'bug') throw new Error('a bug');
        if (stanza.id === 'no') throw new StanzaError('not-allowed');
        host.send(message({ type: 'chat', from: stanza.to, to: stanza.from, id: stanza.id }));
      },
    });
  });
  const stage = await Stage.open(t, { features: [service] });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  for (const [id, condition] of [
    ['bug', 'internal-server-error'],
    ['no', 'not-allowed'],
  ] as const) {
    await romeo.sends(`<message to="x@rooms.stage.example" id="${id}"/>`);
    await romeo.receives(
      `<message type="error" from="x@rooms.stage.example" to="${romeo.jid}" id="${id}">${errorXml(condition)}</message>`,
    );
  }
  assert.equal(stage.bugs().length, 1);
  await romeo.sends('<message to="x@rooms.stage.example" id="1"/>');
  await romeo.receives(`<message type="chat" from="x@rooms.stage.example" to="${romeo.jid}" id="1"/>`);
});
