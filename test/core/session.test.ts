import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Holding } from '../../src/core/held.ts';
import { Session } from '../../src/core/session.ts';
import { JID } from '../../src/jid.ts';
import { message, Payload, type Presence, presence } from '../../src/stanza.ts';
import { el } from '../../src/xml/element.ts';
import { ManualClock, settle } from '../support/manual-clock.ts';
import { type Gate, gate } from './scene.ts';

function begin(limits = { outboxBytes: 100_000, outboxStanzas: 100 }) {
  const sent: string[] = [];
  const link = {
    bufferedBytes: 0,
    bytesRead: 0,
    bytesWritten: 0,
    remoteAddress: '',
    secure: true,
    send: (xml: string) => void sent.push(/id="([^"]*)"/.exec(xml)?.[1] ?? ''),
    close: () => {},
  };
  let overflows = 0;
  const session = new Session(JID.parse('a@b.example/c'), link, {
    clock: new ManualClock(),
    boundAt: 1,
    slots: [],
    limits: () => limits,
    overflowed: () => overflows++,
  });
  const deliver = (id: string, stored?: Promise<unknown>) => session.deliver(message({ type: 'normal', id }), stored);
  return { session, link, sent, deliver, overflows: () => overflows };
}

test('what waits for nothing leaves at once; what comes behind something that waits, waits', async () => {
  const { sent, deliver } = begin();
  const stored = gate();
  deliver('1');
  deliver('2', stored.promise);
  deliver('3');
  assert.deepEqual(sent, ['1']);
  stored.open();
  await settle();
  assert.deepEqual(sent, ['1', '2', '3']);
  deliver('4');
  assert.deepEqual(sent, ['1', '2', '3', '4']);
});

test('what could not be stored never leaves, and holds nothing up', async () => {
  const { sent, deliver } = begin();
  const [first, second] = [gate(), gate()];
  deliver('1', first.promise);
  deliver('2', second.promise);
  deliver('3');
  second.fail(new Error('disk full'));
  await settle();
  assert.deepEqual(sent, []);
  first.open();
  await settle();
  assert.deepEqual(sent, ['1', '3']);
});

test('whatever is stored when, what leaves is in order, all of it and nothing else', async () => {
  const item = fc.record({ waits: fc.boolean(), fails: fc.boolean() });
  const plan = fc.array(item, { maxLength: 20 }).chain((items) => {
    const order = fc.shuffledSubarray(
      items.map((_, i) => i),
      { minLength: items.length },
    );
    return fc.tuple(fc.constant(items), order);
  });
  await fc.assert(
    fc.asyncProperty(plan, async ([items, order]) => {
      const { sent, deliver } = begin();
      const gates: Gate[] = items.map(() => gate());
      for (const [i, { waits }] of items.entries()) deliver(String(i), waits ? gates[i]?.promise : undefined);
      for (const i of order) {
        if (items[i]?.waits !== true) continue;
        if (items[i]?.fails) gates[i]?.fail(new Error('disk full'));
        else gates[i]?.open();
        await null;
      }
      await settle();
      const expected = [...items.keys()].filter((i) => !(items[i]?.waits && items[i]?.fails)).map(String);
      assert.deepEqual(sent, expected);
    }),
    { numRuns: 100 },
  );
});

test('what waits is bounded in bytes, together with what the client has not taken, and in number', () => {
  const bytes = begin({ outboxBytes: 1000, outboxStanzas: 100 });
  const large = message({ type: 'normal', payload: new Payload([el('body', {}, 'x'.repeat(400))]) });
  const never = new Promise(() => {});
  bytes.session.deliver(large, never);
  bytes.session.deliver(large, never);
  assert.equal(bytes.overflows(), 0);
  bytes.session.deliver(large, never);
  assert.equal(bytes.overflows(), 1);

  const buffered = begin({ outboxBytes: 1000, outboxStanzas: 100 });
  buffered.link.bufferedBytes = 700;
  buffered.session.deliver(large);
  assert.equal(buffered.overflows(), 1);
  buffered.link.bufferedBytes = 100;
  buffered.session.deliver(large);
  assert.equal(buffered.overflows(), 1);

  const many = begin({ outboxBytes: 100_000, outboxStanzas: 3 });
  for (let i = 0; i < 4; i++) many.deliver(String(i), i === 0 ? never : undefined);
  assert.equal(many.overflows(), 1);
});

test('what waited counts no longer once it has left', async () => {
  const { session, overflows } = begin({ outboxBytes: 1000, outboxStanzas: 2 });
  const large = message({ type: 'normal', payload: new Payload([el('body', {}, 'x'.repeat(800))]) });
  for (let i = 0; i < 10; i++) {
    const stored = gate();
    session.deliver(large, stored.promise);
    if (i % 2 === 0) stored.open();
    else stored.fail(new Error('disk full'));
    await settle();
  }
  assert.equal(overflows(), 0);
});

test('an ended session sends nothing, and returns what had not left', async () => {
  const { session, sent, deliver } = begin();
  const [stored, failed] = [gate(), gate()];
  deliver('1', stored.promise);
  deliver('2', failed.promise);
  deliver('3');
  failed.fail(new Error('disk full'));
  await settle();
  assert.deepEqual(
    session.end().map(({ xml }) => /id="(\d)"/.exec(xml)?.[1]),
    ['1', '3'],
  );
  assert.equal(session.link, undefined);
  stored.open();
  deliver('4');
  await settle();
  assert.deepEqual(sent, []);
  assert.deepEqual(session.end(), []);
});

/** Presence can wait, and only the last of each sender is of use. */
const HOLDING: Holding = {
  maxStanzas: 5,
  maxBytes: 1000,
  canWait: ({ kind }) => kind === 'presence',
  subjectOf: ({ from }) => from?.toString(),
};

function presenceOf(contact: string, id: string): Presence {
  return presence({ type: 'available', from: JID.parse(`${contact}@b.example/c`), id });
}

test('what can wait is held back, in order, until something leaves that cannot', () => {
  const { session, sent, deliver } = begin();
  session.hold(HOLDING);
  session.deliver(presenceOf('romeo', '1'));
  session.deliver(presenceOf('juliet', '2'));
  session.deliver(presenceOf('romeo', '3'));
  assert.deepEqual(sent, []);
  assert.equal(session.outbox?.held, 2);
  deliver('4');
  session.deliver(presenceOf('juliet', '5'));
  assert.deepEqual(sent, ['2', '3', '4']);
  session.release();
  assert.deepEqual(sent, ['2', '3', '4', '5']);
  session.deliver(presenceOf('juliet', '6'));
  assert.equal(session.outbox?.held, 1);
  session.hold(undefined);
  assert.equal(session.isHolding, false);
  assert.equal(session.outbox, undefined);
  session.deliver(presenceOf('juliet', '7'));
  assert.deepEqual(sent.slice(4), ['6', '7']);
});

test('no more is held back than is allowed, nor than half of what may wait', () => {
  for (const [limits, most] of [
    [{ outboxBytes: 100_000, outboxStanzas: 100 }, 5],
    [{ outboxBytes: 100_000, outboxStanzas: 6 }, 3],
    [{ outboxBytes: 6 * presenceOf('a', '0').toString().length, outboxStanzas: 100 }, 3],
  ] as const) {
    const { session, sent, overflows } = begin(limits);
    session.hold(HOLDING);
    for (let i = 0; i < most; i++) session.deliver(presenceOf(String.fromCharCode(97 + i), String(i)));
    assert.deepEqual(sent, []);
    for (let i = 0; i < 100; i++) session.deliver(presenceOf('a', '0'));
    assert.deepEqual(sent, []);
    session.deliver(presenceOf('z', 'last'));
    assert.equal(sent.length, most + 1);
    assert.equal(sent.at(-1), 'last');
    assert.equal(overflows(), 0);
  }
});

test('what may yet turn out not to be stored supersedes nothing, and is not superseded', async () => {
  for (const isStored of [true, false]) {
    const { session, sent } = begin();
    const stored = gate();
    session.hold(HOLDING);
    session.deliver(presenceOf('romeo', '1'));
    session.deliver(presenceOf('romeo', '2'), stored.promise);
    session.release();
    assert.deepEqual(sent, ['1']);
    session.deliver(presenceOf('romeo', '3'));
    session.release();
    if (isStored) stored.open();
    else stored.fail(new Error('disk full'));
    await settle();
    assert.deepEqual(sent, isStored ? ['1', '2', '3'] : ['1', '3']);
  }
});

test('what is held back counts as waiting: it goes on with another stream, or is returned', () => {
  const first = begin();
  first.session.manage({ requestAfter: 100, request: () => {}, resumeMs: 1000 });
  first.deliver('1');
  first.session.hold(HOLDING);
  first.session.deliver(presenceOf('romeo', '2'));
  first.session.detach();
  first.session.deliver(presenceOf('juliet', '3'));
  first.session.deliver(presenceOf('romeo', '4'));
  first.deliver('5');
  first.session.deliver(presenceOf('romeo', '6'));
  assert.deepEqual(first.sent, ['1']);
  first.session.attach(first.link);
  assert.equal(first.session.isHolding, false);
  assert.deepEqual(first.sent, ['1', '1', '3', '4', '5', '6']);
  assert.equal(first.session.outbox?.sent, 5);

  const second = begin();
  second.session.hold(HOLDING);
  second.session.deliver(presenceOf('romeo', '1'));
  assert.equal(second.session.end().length, 1);
});
