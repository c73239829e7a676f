import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { adHoc } from '../../../src/features/adhoc/index.ts';
import { clientManagement } from '../../../src/features/client-management/index.ts';
import { attr, child, children, type Element, text } from '../../../src/xml/element.ts';
import { DOMAIN, PASSWORD, Stage } from '../../support/stage.ts';
import { notesOf, openStage, ROMEO, Walk } from './scene.ts';

const PASSWORD_NODE = 'urn:parley:account-password';

function formOf(answer: Element): Element {
  return child(answer, 'x', 'jabber:x:data') ?? assert.fail('no form');
}

function valueIn(field: Element | undefined): string {
  return text(field && child(field, 'value'));
}

function openWithClients(t: TestContext): Promise<Stage> {
  return openStage(t, [clientManagement]);
}

test('owners change their passwords; other sessions end and this one goes on', async (t) => {
  const stage = await openStage(t, []);
  const { phone, laptop } = await stage.connected({ phone: 'romeo', laptop: 'romeo' });
  for (const to of [ROMEO, DOMAIN]) {
    const walk = new Walk(phone, PASSWORD_NODE, to);
    await walk.step();
    const differ = { password: 'one', 'password-verify': 'two' };
    assert.deepEqual(await walk.refused(differ), ['modify', 'bad-request', 'bad-payload']);
    const answer = await walk.step({ password: 'a new one', 'password-verify': 'a new one' });
    assert.deepEqual(notesOf(answer), ['info: The password is changed.']);
  }
  await laptop.forget();
  assert.ok(laptop.transport.isClosed);
  await stage.connect('again').logIn('romeo', 'a new one');
});

test('where users cannot change their passwords, they are told', async (t) => {
  const config = { registration: { allowPasswordChange: false } };
  const stage = await Stage.open(t, { features: [adHoc], config });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const answer = await new Walk(romeo, PASSWORD_NODE).step();
  assert.deepEqual(notesOf(answer), ['error: Users cannot change their passwords here.']);
  await stage.connect('again').logIn('romeo', PASSWORD);
});

test('owners see what has access to their accounts, and take it away', async (t) => {
  const stage = await openWithClients(t);
  const { laptop } = await stage.connected({ laptop: 'romeo' });
  await laptop.sends('</stream:stream>');
  await stage.clock.advance(1000);
  const { phone } = await stage.connected({ phone: 'romeo', juliet: 'juliet' });
  const list = formOf(await new Walk(phone, 'urn:parley:account-clients').step());
  const rows = children(list, 'item').map((item) => children(item, 'field').map(valueIn));
  assert.deepEqual(
    rows.map((row) => row.at(-1)),
    ['0', '1'],
  );
  const walk = new Walk(phone, 'urn:parley:account-revoke');
  const options = children(children(formOf(await walk.step()), 'field')[0] ?? assert.fail(), 'option');
  assert.deepEqual(
    options.map(valueIn),
    rows.map(([id]) => id),
  );
  const [first = assert.fail()] = options;
  assert.match(attr(first, 'label') ?? '', /last seen 2026-01-01T00:00:00.000Z$/);
  assert.deepEqual(notesOf(await walk.step({ id: valueIn(first) })), [
    'error: Its sessions are ended, but it knows the password: only a new one keeps it out.',
  ]);
});

test("a client that is not the account's cannot be revoked", async (t) => {
  const stage = await openWithClients(t);
  const { phone } = await stage.connected({ phone: 'romeo' });
  const walk = new Walk(phone, 'urn:parley:account-revoke');
  await walk.step();
  assert.deepEqual(await walk.refused({ id: 'client/nobody' }), ['modify', 'bad-request', 'bad-payload']);
});
