import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { parseStanza } from '../../../../src/stanza.ts';
import { parseElement } from '../../../../src/xml/parser.ts';
import { PASSWORD, type Stage } from '../../../support/stage.ts';
import { address, from, hold, items, open } from './serving-scene.ts';

const TYPES = ['subscribe', 'subscribed', 'unsubscribe', 'unsubscribed'] as const;
const REMOTE = 'bob@elsewhere.example';

/** What is sent to another server, from now on. */
function elsewhere(t: TestContext, stage: Stage): string[] {
  const sent: string[] = [];
  const unmount = stage.router.mount('elsewhere.example', { deliver: (stanza) => void sent.push(stanza.toString()) });
  t.after(unmount);
  return sent;
}

/** Has a stanza arrive from another server. */
async function arrives(stage: Stage, xml: string): Promise<void> {
  stage.router.send(parseStanza(parseElement(xml), undefined));
  await stage.clock.advance(0);
}

test('no subscription is asked for, granted or ended by stanzas, to bare and full addresses, here and elsewhere', async (t) => {
  const { stage, source } = await open(t);
  source.befriend('john', 'marie');
  const { desk, marie, eve } = await stage.online({ desk: 'john', marie: 'marie', eve: 'eve' });
  const sent = elsewhere(t, stage);
  const before = [...stage.store.dump()];
  for (const type of TYPES) {
    for (const to of [address('marie'), marie.jid, address('eve'), eve.jid, address('nobody'), REMOTE, `${REMOTE}/x`]) {
      await desk.sends(`<presence type='${type}' to='${to}' id='1'/>`);
    }
    await desk.sends(`<presence type='${type}' id='1'/>`);
    for (const to of [address('john'), desk.jid, address('nobody')]) {
      for (const sender of [REMOTE, `${REMOTE}/x`, 'elsewhere.example']) {
        await arrives(stage, `<presence type='${type}' from='${sender}' to='${to}' id='2'/>`);
      }
    }
  }
  for (const client of [desk, marie, eve]) await client.receivesNothing();
  assert.deepEqual(sent, []);
  assert.deepEqual([...stage.store.dump()], before);
  assert.deepEqual(await items(desk), [[address('marie'), undefined, []]]);
});

test('nothing is stored for users who are away, or told to them later', async (t) => {
  const { stage } = await open(t);
  const { desk } = await stage.online({ desk: 'john' });
  await stage.host.users.create('marie', PASSWORD);
  const before = [...stage.store.dump()];
  for (const type of TYPES) {
    await desk.sends(`<presence type='${type}' to='${address('marie')}'/>`);
    await arrives(stage, `<presence type='${type}' from='${REMOTE}' to='${address('marie')}'/>`);
  }
  assert.deepEqual([...stage.store.dump()], before);
});

test('not even the blocking of an address says that a subscription stanza was dropped', async (t) => {
  const { stage, source } = await open(t);
  source.befriend('john', 'marie');
  const { desk } = await stage.online({ desk: 'john', marie: 'marie' });
  await desk.set(`<block xmlns='urn:xmpp:blocking'><item jid='${address('marie')}'/></block>`);
  await desk.forget();
  for (const type of TYPES) await desk.sends(`<presence type='${type}' to='${address('marie')}'/>`);
  await desk.receivesNothing();
});

test('other presence passes: available, unavailable, probes and errors', async (t) => {
  const { stage, source } = await open(t);
  source.contacts.set('john', { [REMOTE]: {} });
  const sent = elsewhere(t, stage);
  const { desk } = await stage.online({ desk: 'john' });
  sent.length = 0;
  for (const type of ['', `type='unavailable'`, `type='error'`]) {
    await arrives(stage, `<presence from='${REMOTE}/x' to='${desk.jid}' ${type}/>`);
    await desk.nextNamed('presence');
  }
  await arrives(stage, `<presence from='${REMOTE}/x' to='${address('john')}' type='probe'/>`);
  assert.match(sent.join(''), /^<presence [^>]*from="john@stage.example\/desk"/);
  sent.length = 0;
  for (const type of ['', `type='unavailable'`, `type='probe'`]) await desk.sends(`<presence to='${REMOTE}' ${type}/>`);
  assert.equal(sent.length, 3);
});

test('a probe is never answered with unsubscribed: not for users who are away, strangers or nobody', async (t) => {
  const { stage, source } = await open(t);
  const sent = elsewhere(t, stage);
  source.contacts.set('john', { [REMOTE]: {} });
  for (const local of ['john', 'marie']) await stage.host.users.create(local, PASSWORD);
  const probe = (local: string) =>
    arrives(stage, `<presence type='probe' from='${REMOTE}/x' to='${address(local)}' id='p'/>`);
  for (const local of ['john', 'marie', 'nobody']) await probe(local);
  assert.deepEqual(sent, []);
  assert.deepEqual(source.fetches, [], 'a user who is away causes no fetch');

  // Whom the last good copy has among the contacts may know that nobody is there.
  const { desk } = await stage.online({ desk: 'john' });
  await desk.sends('</stream:stream>');
  sent.length = 0;
  await probe('john');
  assert.deepEqual(sent, [`<presence from="${address('john')}" to="${REMOTE}/x" type="unavailable"/>`]);
  await arrives(stage, `<presence type='probe' from='eve@elsewhere.example' to='${address('john')}'/>`);
  assert.equal(sent.length, 1);
  assert.equal(source.fetches.length, 1);
});

test('a probe while the roster is being fetched is not answered with unsubscribed either', async (t) => {
  const { stage, source } = await open(t);
  const sent = elsewhere(t, stage);
  source.contacts.set('john', { [REMOTE]: {} });
  const release = hold(source);
  const { desk } = await stage.connected({ desk: 'john' });
  await arrives(stage, `<presence type='probe' from='${REMOTE}/x' to='${address('john')}'/>`);
  assert.deepEqual(sent, []);
  await desk.sends('<presence/>');
  release();
  await desk.receives(from(desk.jid));
  assert.match(sent.join('\n'), /^<presence [^>]*to="bob@elsewhere.example"[^>]*>\n<presence [^>]*type="probe"/);
});

test('presence in a room goes on as ever', async (t) => {
  const { stage } = await open(t);
  const sent = elsewhere(t, stage);
  const { desk } = await stage.online({ desk: 'john' });
  await desk.sends(`<presence to='room@elsewhere.example/me'/>`);
  await desk.sends('</stream:stream>');
  assert.equal(sent.length, 2);
  assert.match(sent[1] ?? '', /type="unavailable"/);
});
