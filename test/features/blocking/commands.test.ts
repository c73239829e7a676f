import assert from 'node:assert/strict';
import { test } from 'node:test';
import { blocking } from '../../../src/features/blocking/index.ts';
import { disco } from '../../../src/features/disco/index.ts';
import { attr, children } from '../../../src/xml/element.ts';
import { parseElement } from '../../../src/xml/parser.ts';
import { DOMAIN, PASSWORD } from '../../support/stage.ts';
import { receivesInOrder } from '../presence/scene.ts';
import { block, blocked, command, NS, open, push, unblock } from './scene.ts';

const ROMEO = 'romeo@montague.net';
const IAGO = 'iago@shakespeare.lit';

test('the server says that it can block and takes reports', async (t) => {
  const stage = await open(t, { features: [blocking, disco] });
  const { juliet } = await stage.connected({ juliet: 'juliet' });
  const info = await juliet.get("<query xmlns='http://jabber.org/protocol/disco#info'/>", DOMAIN);
  assert.ok(info);
  const features = children(info, 'feature').map((feature) => attr(feature, 'var'));
  assert.ok(features.includes(NS));
  assert.ok(features.includes('urn:xmpp:reporting:1'));
});

test('who has blocked nobody has an empty list', async (t) => {
  const { juliet } = await (await open(t)).connected({ juliet: 'juliet' });
  assert.deepEqual(await blocked(juliet), []);
});

test('addresses are blocked in their normal form, each once, and listed in that order', async (t) => {
  const { juliet } = await (await open(t)).connected({ juliet: 'juliet' });
  await block(juliet, 'Romeo@Montague.NET');
  await block(juliet, IAGO, ROMEO, 'rooms.example/Nick');
  assert.deepEqual(await blocked(juliet), [ROMEO, IAGO, 'rooms.example/Nick']);
  await unblock(juliet, 'ROMEO@montague.net', 'unknown@elsewhere.example');
  assert.deepEqual(await blocked(juliet), [IAGO, 'rooms.example/Nick']);
  await unblock(juliet);
  assert.deepEqual(await blocked(juliet), []);
});

test('every resource that has asked for the list is told of changes, and no other', async (t) => {
  const stage = await open(t);
  const { chamber, balcony, script } = await stage.connected({
    chamber: 'juliet',
    balcony: 'juliet',
    script: 'juliet',
  });
  await blocked(chamber);
  await blocked(balcony);
  await block(chamber, ROMEO, IAGO);
  await unblock(script, ROMEO);
  await unblock(script);
  for (const client of [chamber, balcony]) {
    await receivesInOrder(client, [
      push(client, command('block', ROMEO, IAGO)),
      push(client, command('unblock', ROMEO)),
      push(client, command('unblock')),
    ]);
  }
  await script.receivesNothing();
});

test('what clients answer to a push changes nothing and goes nowhere', async (t) => {
  const { juliet } = await (await open(t)).connected({ juliet: 'juliet' });
  await blocked(juliet);
  await block(juliet, ROMEO);
  const id = attr(await juliet.next(), 'id');
  await juliet.sends(`<iq type='result' id='${id}'/>`);
  await juliet.receivesNothing();
});

test('a command that makes no sense is refused and changes nothing', async (t) => {
  const { juliet } = await (await open(t)).connected({ juliet: 'juliet' });
  await block(juliet, ROMEO);
  assert.equal(await juliet.refused('set', command('block')), 'bad-request');
  for (const name of ['block', 'unblock']) {
    assert.equal(await juliet.refused('set', `<${name} xmlns='${NS}'><item/></${name}>`), 'bad-request');
    assert.equal(await juliet.refused('set', `<${name} xmlns='${NS}'><jid>${IAGO}</jid></${name}>`), 'bad-request');
    const half = `<${name} xmlns='${NS}'><item jid='${IAGO}'/><item jid='@@'/></${name}>`;
    assert.equal(await juliet.refused('set', half), 'jid-malformed');
    assert.equal(await juliet.refused('set', `<${name} xmlns='${NS}'><item jid=''/></${name}>`), 'jid-malformed');
  }
  assert.equal(await juliet.refused('get', command('block', IAGO)), 'service-unavailable');
  assert.equal(await juliet.refused('set', command('blocklist')), 'service-unavailable');
  assert.deepEqual(await blocked(juliet), [ROMEO]);
});

test('an account does not block itself', async (t) => {
  const { juliet } = await (await open(t)).connected({ juliet: 'juliet' });
  assert.equal(await juliet.refused('set', command('block', IAGO, `juliet@${DOMAIN}`)), 'not-allowed');
  assert.equal(await juliet.refused('set', command('block', `juliet@${DOMAIN}/phone`)), 'not-allowed');
  assert.deepEqual(await blocked(juliet), []);
});

test("nobody sees or changes another's list", async (t) => {
  const stage = await open(t);
  const { juliet, romeo } = await stage.connected({ juliet: 'juliet', romeo: 'romeo' });
  for (const to of [`juliet@${DOMAIN}`, `nobody@${DOMAIN}`]) {
    assert.equal(await romeo.refused('get', command('blocklist'), to), 'service-unavailable');
    assert.equal(await romeo.refused('set', command('block', IAGO), to), 'service-unavailable');
    assert.equal(await romeo.refused('set', command('unblock'), to), 'service-unavailable');
  }
  assert.deepEqual(await blocked(juliet), []);
});

test('an account may address its own commands to itself', async (t) => {
  const { juliet } = await (await open(t)).connected({ juliet: 'juliet' });
  await juliet.set(command('block', ROMEO), `juliet@${DOMAIN}`);
  assert.deepEqual(await blocked(juliet), [ROMEO]);
});

test('no more addresses are blocked than the limit says', async (t) => {
  const stage = await open(t, { config: { limits: { account: { blockedJids: 3 } } } });
  const { juliet } = await stage.connected({ juliet: 'juliet' });
  await block(juliet, 'a.example', 'b.example');
  assert.equal(await juliet.refused('set', command('block', 'c.example', 'd.example')), 'policy-violation');
  await block(juliet, 'c.example', 'b.example');
  await block(juliet, 'a.example');
  assert.equal(await juliet.refused('set', command('block', 'd.example')), 'policy-violation');
  await unblock(juliet, 'a.example');
  await block(juliet, 'd.example');
  assert.deepEqual(await blocked(juliet), ['b.example', 'c.example', 'd.example']);
});

test('commands of several resources at once are all carried out', async (t) => {
  const { phone, laptop } = await (await open(t)).connected({ phone: 'juliet', laptop: 'juliet' });
  await Promise.all([
    block(phone, 'a.example'),
    block(laptop, 'b.example'),
    block(phone, 'c.example'),
    unblock(laptop, 'c.example'),
    block(laptop, 'd.example'),
  ]);
  const list = await blocked(phone);
  assert.deepEqual(list.filter((jid) => jid !== 'c.example').sort(), ['a.example', 'b.example', 'd.example']);
  assert.deepEqual(await blocked(laptop), list);
});

test('a list survives a restart', async (t) => {
  const before = await open(t);
  const { juliet } = await before.connected({ juliet: 'juliet' });
  await block(juliet, ROMEO, IAGO);
  await before.close();
  const after = await open(t, { store: before.store, clock: before.clock });
  const { phone } = await after.connected({ phone: 'juliet' });
  assert.deepEqual(await blocked(phone), [ROMEO, IAGO]);
});

test('a list goes with its account, and the next one of that name has none', async (t) => {
  const stage = await open(t);
  const { juliet } = await stage.connected({ juliet: 'juliet' });
  await block(juliet, ROMEO);
  await stage.host.removeUser('juliet');
  await stage.host.users.create('juliet', PASSWORD);
  const { phone } = await stage.connected({ phone: 'juliet' });
  assert.deepEqual(await blocked(phone), []);
});

test('when the store fails nobody is blocked or unblocked, and the client is told', async (t) => {
  const stage = await open(t);
  const { juliet } = await stage.connected({ juliet: 'juliet' });
  await block(juliet, ROMEO);
  for (const attempt of [command('block', IAGO), command('unblock')]) {
    stage.store.failNextCommit(new Error('disk full'));
    assert.equal(await juliet.refused('set', attempt), 'internal-server-error');
    assert.deepEqual(await blocked(juliet), [ROMEO]);
  }
  assert.ok(stage.log.records.some(({ event }) => event === 'blocking.write-failed'));
  await juliet.receivesNothing();
});

test('a block is in force when it is durable, and not before', async (t) => {
  const stage = await open(t);
  const { juliet, romeo } = await stage.online({ juliet: 'juliet', romeo: 'romeo' });
  stage.store.hold();
  const granted = block(juliet, `romeo@${DOMAIN}`);
  await romeo.sends(`<message to='${juliet.jid}' type='chat'><body>1</body></message>`);
  stage.store.release();
  await granted;
  await romeo.sends(`<message to='${juliet.jid}' type='chat'><body>2</body></message>`);
  await receivesInOrder(juliet, [
    `<message to='${juliet.jid}' from='${romeo.jid}' type='chat'><body>1</body></message>`,
  ]);
});

test('a list moves with its account, and twice is the same as once', async (t) => {
  const stage = await open(t);
  const { juliet } = await stage.connected({ juliet: 'juliet', nurse: 'nurse' });
  await block(juliet, ROMEO, IAGO);
  const part = stage.host.portable.find(({ name }) => name === 'blocked addresses');
  assert.ok(part);
  const owner = stage.host.account('juliet')?.jid;
  const heir = stage.host.account('nurse')?.jid;
  assert.ok(owner && heir);
  const counts = { took: 0, had: 0, skipped: 0 };
  const tally = {
    formerJid: owner,
    took: () => void counts.took++,
    had: () => void counts.had++,
    skipped: () => void counts.skipped++,
  };
  for await (const element of part.export(owner)) {
    assert.equal(await part.import(heir, element, tally), true);
    assert.equal(await part.import(heir, element, tally), true);
  }
  assert.deepEqual(counts, { took: 2, had: 2, skipped: 0 });
  const odd = parseElement(command('blocklist', '@@', `nurse@${DOMAIN}`, IAGO));
  assert.equal(await part.import(heir, odd, tally), true);
  assert.deepEqual(counts, { took: 2, had: 3, skipped: 2 });
  assert.equal(await part.import(heir, parseElement('<query xmlns="jabber:iq:roster"/>'), tally), false);
  const { phone } = await stage.connected({ phone: 'nurse' });
  assert.deepEqual(await blocked(phone), [ROMEO, IAGO]);
});
