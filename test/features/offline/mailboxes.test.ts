import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StanzaError } from '../../../src/errors.ts';
import { EXTENTS, Mailboxes, MESSAGES } from '../../../src/features/offline/mailboxes.ts';
import { JID } from '../../../src/jid.ts';
import { openMemoryStore } from '../../../src/store/memory.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const ROMEO = JID.parse('romeo@stage.example');
const LIMITS = { offlineMessages: 3, offlineBytes: 100 };

function scene() {
  const store = openMemoryStore({ clock: new ManualClock() });
  const extents = store.table(EXTENTS);
  return { extents, mailboxes: new Mailboxes({ store, messages: store.journal(MESSAGES), extents }) };
}

async function texts(mailboxes: Mailboxes): Promise<string[]> {
  const { entries } = await mailboxes.read(ROMEO, 10);
  return entries.map(({ value }) => value);
}

test('what is being stored is neither missed by a look nor by a reading', async () => {
  const { mailboxes } = scene();
  assert.equal(await mailboxes.isEmpty(ROMEO), true);
  const first = mailboxes.add(ROMEO, 'one', LIMITS);
  assert.equal(await mailboxes.isEmpty(ROMEO), false);
  const second = mailboxes.add(ROMEO, 'two', LIMITS);
  assert.deepEqual(await texts(mailboxes), ['one', 'two']);
  await Promise.all([first, second]);
});

test('the extent follows the messages, in bytes of UTF-8', async () => {
  const { mailboxes, extents } = scene();
  await mailboxes.add(ROMEO, 'é', LIMITS);
  await mailboxes.add(ROMEO, 'two', LIMITS);
  assert.deepEqual(await extents.get(ROMEO.domain, ROMEO.local), { messages: 2, bytes: 5 });
  const { entries } = await mailboxes.read(ROMEO, 1);
  await mailboxes.remove(ROMEO, entries, false);
  assert.deepEqual(await extents.get(ROMEO.domain, ROMEO.local), { messages: 1, bytes: 3 });
  const rest = await mailboxes.read(ROMEO, 10);
  await mailboxes.remove(ROMEO, rest.entries, true);
  assert.equal(await mailboxes.isEmpty(ROMEO), true);
});

test('messages that arrive at once share the limit', async () => {
  const { mailboxes } = scene();
  const outcomes = await Promise.allSettled(
    ['1', '2', '3', '4', '5'].map((message) => mailboxes.add(ROMEO, message, LIMITS)),
  );
  const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? [outcome.reason] : []));
  assert.equal(refused.length, 2);
  for (const reason of refused) assert.ok(reason instanceof StanzaError && reason.condition === 'service-unavailable');
  assert.deepEqual(await texts(mailboxes), ['1', '2', '3']);
});

test('what was read before the mailbox was removed leaves nothing for the next account of its name', async () => {
  const { mailboxes, extents } = scene();
  for (const message of ['1', '2', '3']) await mailboxes.add(ROMEO, message, LIMITS);
  const { entries } = await mailboxes.read(ROMEO, 2);
  await mailboxes.clear(ROMEO);
  await mailboxes.remove(ROMEO, entries, false);
  assert.equal(await extents.get(ROMEO.domain, ROMEO.local), undefined);
});

test('a refused message leaves no trace', async () => {
  const { mailboxes } = scene();
  await assert.rejects(mailboxes.add(ROMEO, 'x'.repeat(101), LIMITS), { condition: 'service-unavailable' });
  assert.equal(await mailboxes.isEmpty(ROMEO), true);
});

test('a mailbox that is cleared is empty', async () => {
  const { mailboxes } = scene();
  await mailboxes.add(ROMEO, 'one', LIMITS);
  await mailboxes.clear(ROMEO);
  assert.equal(await mailboxes.isEmpty(ROMEO), true);
  assert.deepEqual(await texts(mailboxes), []);
});
