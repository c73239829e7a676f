import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { userSecondFactor, userSecondFactorOff } from '../../src/admin/commands/second-factor.ts';
import type { BuiltIn, CommandGround } from '../../src/admin/ground.ts';
import { type Arguments, CommandError, type Json } from '../../src/core/commands.ts';
import { PAGE, ROMEO, Scene } from '../features/second-factor/scene.ts';
import { Authenticator } from '../support/authenticator.ts';
import { DOMAIN, Stage } from '../support/stage.ts';

function runner({ host, settings, clock }: Stage) {
  const hosts = new Map([[DOMAIN, host]]);
  const ground: CommandGround = { version: '1.2.3', hosts, settings, clock, running: undefined };
  return {
    answer: async <A extends Json>(command: BuiltIn<A>, args: Arguments): Promise<A> => command.run(args, ground),
    says: async <A extends Json>(command: BuiltIn<A>, args: Arguments): Promise<string> =>
      command.show?.(await command.run(args, ground)) ?? '',
  };
}

async function open(t: TestContext) {
  const scene = await Scene.open(t);
  return { scene, ...runner(scene.stage) };
}

test('an operator sees what protects an account, and no secrets', async (t) => {
  const { scene, answer, says } = await open(t);
  assert.equal(await says(userSecondFactor, { jid: ROMEO }), 'Nothing but the password.');
  const browser = scene.browser();
  const { page } = await scene.withApp(browser);
  await scene.withPasskey(browser, new Authenticator(), await browser.submit(PAGE, page.form('overview')));
  assert.deepEqual(await answer(userSecondFactor, { jid: ROMEO }), {
    jid: ROMEO,
    required: true,
    app: true,
    passkeys: 1,
    recoveryCodes: 10,
    passwordForClients: true,
  });
  assert.match(await says(userSecondFactor, { jid: ROMEO }), /recovery codes left +10/);
});

test('an operator lets somebody in who has lost everything, and that is in the log', async (t) => {
  const { scene, says } = await open(t);
  const browser = scene.browser();
  await scene.withApp(browser);
  assert.equal(await says(userSecondFactorOff, { jid: ROMEO }), `The password alone is enough for ${ROMEO}.`);
  assert.match((await scene.withPassword(browser)).markup, /Two-step login <span class="state ">off/);
  const refused = new CommandError(`${ROMEO} has no second factor`);
  await assert.rejects(says(userSecondFactorOff, { jid: ROMEO }), refused);
  const logged = scene.stage.log.records.filter(({ fields }) => fields['change'] === 'removed');
  assert.deepEqual(
    logged.map(({ fields }) => fields['jid']),
    [ROMEO],
  );
});

test('a user that there is not, and a host without second factors, are said to be so', async (t) => {
  const { says } = await open(t);
  const nobody = { jid: `nobody@${DOMAIN}` };
  await assert.rejects(says(userSecondFactor, nobody), new CommandError(`there is no user nobody@${DOMAIN}`));
  const bare = runner(await Stage.open(t, { features: [] }));
  await assert.rejects(
    bare.says(userSecondFactor, { jid: ROMEO }),
    new CommandError('second factors are switched off'),
  );
});
