import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Archive, type ArchiveTables } from '../../../src/features/mam/archive.ts';
import { ARCHIVES, CONVERSATIONS, MESSAGES } from '../../../src/features/mam/records.ts';
import { headOf } from '../../../src/features/mam/stored-stanza.ts';
import { NS_RETRACT, Tombstones } from '../../../src/features/mam/tombstones.ts';
import { JID } from '../../../src/jid.ts';
import { type Message, message, Payload } from '../../../src/stanza.ts';
import { beforeEntriesAt, entryIdAt } from '../../../src/store/entry-ids.ts';
import { type MemoryStore, openMemoryStore } from '../../../src/store/memory.ts';
import { el } from '../../../src/xml/element.ts';
import { ManualClock, settle } from '../../support/manual-clock.ts';

const KEY = ['stage.example', 'juliet'];
const ROMEO = 'romeo@stage.example';
const XML = `<message from="${ROMEO}/r" to="juliet@stage.example"/>`;
const EVERYTHING = { after: undefined, before: undefined };

interface Scene {
  readonly clock: ManualClock;
  readonly store: MemoryStore;
  readonly tables: ArchiveTables;
  readonly archive: Archive;
  /** The same archive for a process that begins anew; the second one is loaded. */
  readonly another: () => Archive;
  readonly reopened: () => Promise<Archive>;
}

async function open(): Promise<Scene> {
  const clock = new ManualClock();
  const store = openMemoryStore({ clock });
  const tables: ArchiveTables = {
    store,
    messages: store.journal(MESSAGES),
    archives: store.table(ARCHIVES),
    conversations: store.table(CONVERSATIONS),
  };
  const another = (): Archive => new Archive(tables, KEY);
  const reopened = async (): Promise<Archive> => {
    const archive = another();
    await archive.load();
    return archive;
  };
  return { clock, store, tables, archive: await reopened(), another, reopened };
}

async function positions(archive: Archive): Promise<number[]> {
  await archive.load();
  const { messages } = await archive.read(EVERYTHING, { limit: 1000, reverse: false });
  return messages.map(({ position }) => position);
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

test('the index keeps up with an archive that never rests', async () => {
  const { store, tables, archive } = await open();
  for (let i = 0; i < 1000; i++) {
    archive.append(ROMEO, XML);
    // What was written before becomes durable, and this does not yet.
    store.release();
    store.hold();
    await settle();
  }
  const { indexedPosition = 0 } = (await tables.archives.get(...KEY)) ?? {};
  store.release();
  assert.ok(indexedPosition > 800, `only ${indexedPosition}`);
});

test('the first message of an archive that cannot be stored fails once, for whoever waits for it', async () => {
  const { store, archive } = await open();
  store.failNextCommit(new Error('the disk is full'));
  await assert.rejects(archive.append(ROMEO, XML).stored);
  await settle();
  assert.deepEqual(await positions(archive), []);
});

test('messages from elsewhere are put in while others come: all have their places in the end', async () => {
  const { clock, store, archive, reopened } = await open();
  for (let i = 0; i < 3; i++) await archive.append(ROMEO, XML).stored;
  await clock.advance(10);
  store.hold();
  const { stored } = archive.append(ROMEO, XML);
  const inserted = [1, 2].map((ago) => archive.insert(entryIdAt(clock.now() - ago, 0, 2 ** 31), ROMEO, XML));
  await settle();
  const loaded = archive.load();
  await settle();
  store.release();
  await Promise.all([stored, loaded, ...inserted]);
  await archive.load();
  await archive.append(ROMEO, XML).stored;
  assert.deepEqual(await positions(archive), upTo(7));
  assert.deepEqual(await positions(await reopened()), upTo(7));
});

test('what is put in while an archive is numbered anew is numbered as well', async () => {
  const { clock, archive, reopened } = await open();
  for (let i = 0; i < 600; i++) void archive.append(ROMEO, XML);
  await clock.advance(10);
  const at = clock.now() - 1;
  await archive.insert(entryIdAt(at, 0, 2 ** 31), ROMEO, XML);
  const loaded = archive.load();
  // Before what has a number by now, at every moment of that.
  const early = Array.from({ length: 40 }, (_, i) => entryIdAt(at - 100 - i, 0, 2 ** 31));
  const inserted: Promise<boolean>[] = [];
  for (const id of early) {
    inserted.push(archive.insert(id, ROMEO, XML));
    await Promise.resolve();
  }
  await Promise.all([loaded, ...inserted]);
  assert.deepEqual(await positions(archive), upTo(641));
  assert.deepEqual(await positions(await reopened()), upTo(641));
});

test('a message that is removed and replaced at the same time is removed', async () => {
  const { clock, archive } = await open();
  for (let i = 0; i < 3; i++) await archive.append(ROMEO, XML).stored;
  await clock.advance(10);
  const first = await archive.first();
  assert.ok(first);
  const { id } = archive.append(ROMEO, XML);
  await Promise.all([archive.prune(id), archive.replace(first, XML)]);
  assert.deepEqual(await positions(archive), [3]);
});

test('the ends of an archive are not remembered when they go meanwhile', async () => {
  for (let delay = 0; delay < 30; delay++) {
    const { clock, archive } = await open();
    for (let i = 0; i < 3; i++) await archive.append(ROMEO, XML).stored;
    await clock.advance(10);
    const pruned = archive.prune(beforeEntriesAt(clock.now()));
    for (let i = 0; i < delay; i++) await Promise.resolve();
    const ends = Promise.all([archive.first(), archive.last()]);
    await pruned;
    await ends;
    assert.deepEqual([await archive.first(), await archive.last()], [undefined, undefined]);
  }
});

test('of a conversation that was removed nothing is left, and it can begin anew', async () => {
  const nurse = 'nurse@stage.example';
  const { clock, store, archive } = await open();
  const say = async (peer: string, count: number): Promise<void> => {
    await Promise.all(Array.from({ length: count }, () => archive.append(peer, XML).stored));
    while (archive.isBusy) await settle();
    await clock.advance(10);
  };
  await say(nurse, 300);
  await say(ROMEO, 300);
  await archive.prune(beforeEntriesAt(clock.now() - 10));
  assert.equal((await archive.first())?.position, 300);
  assert.deepEqual(
    [...store.dump()].filter((entry) => entry.join().includes(nurse)),
    [],
  );
  await say(nurse, 200);
  const { messages } = await archive.readConversation(nurse, EVERYTHING, { limit: 1000, reverse: false });
  assert.deepEqual(
    messages.map(({ position }) => position),
    upTo(200),
  );
});

test('an archive is removed with what arrives while it is loaded', async () => {
  const { store, archive, another } = await open();
  await archive.append(ROMEO, XML).stored;
  const again = another();
  const late = again.load().then(() => again.append(ROMEO, XML).stored);
  await Promise.all([late, again.clear()]);
  assert.deepEqual(
    [...store.dump().keys()].filter((key) => key.startsWith('mam')),
    [],
  );
});

test('who retracts more than anybody would is looked after in the last messages only, until a minute has passed', async () => {
  const { clock, archive } = await open();
  const juliet = JID.parse('juliet@stage.example');
  const romeo = JID.parse(ROMEO);
  const retract = (id: string): Message => {
    const payload = new Payload([el('retract', { xmlns: NS_RETRACT, id })]);
    return message({ type: 'chat', from: romeo, to: juliet, id: 'r', payload });
  };
  const tombstones = new Tombstones();
  const isBuried = async (id: string): Promise<boolean> => {
    const retraction = retract(id);
    const { id: retractionId } = archive.append(ROMEO, retraction.toString());
    await tombstones.bury(archive, romeo, retraction, retractionId);
    const { messages } = await archive.read(EVERYTHING, { limit: 10_000, reverse: false });
    return messages.some(({ xml }) => headOf(xml).id === id && xml.includes('retracted'));
  };
  for (let i = 0; i < 4000; i++) {
    void archive.append(
      ROMEO,
      `<message from="${ROMEO}" to="${juliet}" id="m${i}" type="chat"><body>x</body></message>`,
    );
  }
  assert.equal(await isBuried('m1'), true);
  for (let i = 0; i < 8; i++) assert.equal(await isBuried('there is none'), false);
  assert.equal(await isBuried('m2'), false);
  assert.equal(await isBuried('m3990'), true);
  await clock.advance(60_000);
  assert.equal(await isBuried('m2'), true);
});

test('a store that takes nothing any more does not fill the memory', async () => {
  const { store, archive } = await open();
  for (let i = 0; i < 200; i++) {
    store.failNextCommit(new Error('the disk is full'));
    await archive.load();
    await assert.rejects(archive.append(ROMEO, XML).stored);
    await settle();
  }
  const { messages } = await archive.readConversation(ROMEO, EVERYTHING, { limit: 1000, reverse: false });
  assert.deepEqual(messages, []);
  await archive.load();
  const { stored } = archive.append(ROMEO, XML);
  await stored;
  assert.ok(((await archive.first())?.position ?? 1000) < 100);
});
