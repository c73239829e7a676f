import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { userPush, userPushRemove } from '../../src/admin/commands/push.ts';
import type { BuiltIn, CommandGround } from '../../src/admin/ground.ts';
import { type Arguments, CommandError, type Json } from '../../src/core/commands.ts';
import { APP, breaks, chat, enable, nodes, open, ROMEO } from '../features/push/scene.ts';
import { DOMAIN, Stage } from '../support/stage.ts';

const NODE = 'yxs32uqsflafdk3iuqo';

function runner({ host, settings, clock }: Stage) {
  const hosts = new Map([[DOMAIN, host]]);
  const ground: CommandGround = { version: '1.2.3', hosts, settings, clock, running: undefined };
  return {
    answer: async <A extends Json>(command: BuiltIn<A>, args: Arguments): Promise<A> => command.run(args, ground),
    says: async <A extends Json>(command: BuiltIn<A>, args: Arguments): Promise<string> =>
      command.show?.(await command.run(args, ground)) ?? '',
  };
}

async function scene(t: TestContext) {
  const opened = await open(t);
  const { phone } = await opened.stage.connected({ phone: 'romeo' });
  return { ...opened, phone, ...runner(opened.stage) };
}

test('the registrations of a user are listed: where, since when, and how they do', async (t) => {
  const { stage, phone, app, juliet, says, answer } = await scene(t);
  assert.equal(await says(userPush, { jid: ROMEO }), 'No client has asked to be woken.');
  const since = new Date(stage.clock.now()).toISOString();
  await phone.set(enable({ node: NODE }));
  await phone.set(enable({ jid: 'push.elsewhere.example', node: 'n' }));
  const [heading, first] = (await says(userPush, { jid: ROMEO })).split('\n');
  assert.match(heading ?? '', /^APP SERVER +NODE +SINCE +STATE +LAST ERROR$/);
  assert.match(first ?? '', new RegExp(`^push\\.stage\\.example +yxs32uqsflaf… +${since} +enabled$`));
  app.reaction = { condition: 'item-not-found' };
  await breaks(phone);
  await juliet.sends(chat('hi'));
  const { registrations } = await answer(userPush, { jid: ROMEO });
  assert.deepEqual(
    registrations.map(({ state, error, failures }) => [state, error, failures]),
    [
      ['disabled', 'item-not-found', 1],
      ['failing', 'remote-server-not-found', 1],
    ],
  );
  assert.equal(registrations[0]?.retryAt, null);
  assert.ok(Date.parse(registrations[1]?.retryAt ?? '') > stage.clock.now());
  assert.match(await says(userPush, { jid: ROMEO }), /failing, again 2026-\S+ +remote-server-not-found$/m);
});

test('an administrator removes those of an app server, or one of them by what is listed of its node', async (t) => {
  const { stage, phone, says } = await scene(t);
  for (const node of [NODE, 'b', 'c']) await phone.set(enable({ node }));
  const remove = (more: object = {}) => says(userPushRemove, { jid: ROMEO, service: APP, ...more });
  assert.equal(await remove({ node: `${NODE.slice(0, 12)}…` }), 'Removed 1 registration.');
  assert.deepEqual(await nodes(stage), ['b', 'c']);
  assert.equal(await remove(), 'Removed 2 registrations.');
  await assert.rejects(remove(), new CommandError(`${ROMEO} has no such registration with ${APP}`));
});

test('where there is no such user, or nobody is woken, that is said', async (t) => {
  const { answer } = await scene(t);
  const jid = `ghost@${DOMAIN}`;
  await assert.rejects(answer(userPush, { jid }), new CommandError(`there is no user ${jid}`));
  const without = runner(await Stage.open(t, { features: [] }));
  await assert.rejects(
    without.answer(userPush, { jid: ROMEO }),
    new CommandError('push notifications are switched off'),
  );
});
