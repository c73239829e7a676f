import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attr, child, serialize, text } from '../../../src/xml/element.ts';
import { BIND, DOMAIN, LAPTOP, NS_SASL2, PASSWORD, PHONE } from '../../c2s/sasl2-scene.ts';
import { list, open } from './scene.ts';

const NOTIFY = { settings: { notifyNewClients: 'identified' } };

test('the other sessions are told of a new client once: what it is, and how to be rid of it', async (t) => {
  const { phone } = await open(t, NOTIFY);
  const { client: laptop, jid } = await phone(LAPTOP);
  const { client } = await phone(PHONE);
  const notice = await laptop.nextNamed('message');
  assert.deepEqual([attr(notice, 'type'), attr(notice, 'from'), attr(notice, 'to')], ['headline', DOMAIN, jid]);
  const body = text(child(notice, 'body'));
  assert.match(body, /^Pelican on Phone has logged in to your account for the first time\. /);
  const ids = (await list(laptop)).map(({ id }) => id);
  assert.ok(ids.some((id) => body.includes(id)));
  await client.receivesNothing();
  await phone(PHONE);
  await laptop.receivesNothing();
});

test('a legacy client is told of where that is wanted, and learns nothing of itself', async (t) => {
  const usual = await open(t, NOTIFY);
  const { client } = await usual.phone(LAPTOP);
  await usual.stage.connected({ desk: 'romeo' });
  await client.receivesNothing();
  const { phone, stage } = await open(t, { settings: { notifyNewClients: 'all' } });
  const { client: laptop } = await phone(LAPTOP);
  const { desk } = await stage.connected({ desk: 'romeo' });
  assert.match(serialize(await laptop.nextNamed('message')), /A client has logged in/);
  await desk.receivesNothing();
});

test('what a client says of itself stays on its line, and many new clients make few notices', async (t) => {
  const { phone, connect } = await open(t, NOTIFY);
  const { client: laptop } = await phone(LAPTOP);
  const initial = Buffer.from(`\0romeo\0${PASSWORD}`).toString('base64');
  for (let i = 0; i < 8; i++) {
    const client = await connect();
    const id = PHONE.replace(/^./, String(i));
    await client.stage.sends(
      `<authenticate xmlns='${NS_SASL2}' mechanism='PLAIN'><initial-response>${initial}</initial-response>` +
        `<user-agent id='${id}'><software>Evil&#10;&#10;\u202eYour administrator says</software></user-agent>${BIND}</authenticate>`,
    );
    assert.equal((await client.stage.next()).name, 'success');
  }
  for (let i = 0; i < 5; i++) {
    assert.match(text(child(await laptop.nextNamed('message'), 'body')), /^Evil Your administrator says has logged in/);
  }
  await laptop.receivesNothing();
});

test('nobody is told where that is switched off', async (t) => {
  const { phone } = await open(t);
  const { client: laptop } = await phone(LAPTOP);
  await phone(PHONE);
  await laptop.receivesNothing();
});
