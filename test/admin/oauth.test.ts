import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { oauthRotateKey } from '../../src/admin/commands/oauth.ts';
import type { CommandGround } from '../../src/admin/ground.ts';
import { type Arguments, CommandError } from '../../src/core/commands.ts';
import { open, type Scene, type SceneOptions } from '../features/oauth/scene.ts';
import { DOMAIN } from '../support/stage.ts';

async function openWith(t: TestContext, options: SceneOptions = {}) {
  const scene = await open(t, options);
  const { host, settings, clock } = scene.stage;
  const ground: CommandGround = {
    version: '1.2.3',
    hosts: new Map([[DOMAIN, host]]),
    settings,
    clock,
    running: undefined,
  };
  const rotate = async (args: Arguments = {}): Promise<string> =>
    oauthRotateKey.show?.(await oauthRotateKey.run(args, ground)) ?? '';
  return { scene, rotate };
}

async function keysOf({ http }: Scene): Promise<number> {
  return ((await http('GET', '/oauth2/jwks')).json['keys'] as unknown[]).length;
}

test('an operator makes new keys, and the old are believed for some time', async (t) => {
  const { scene, rotate } = await openWith(t);
  const client = await scene.register();
  assert.equal(
    await rotate(),
    'Made a new registration key and a new signing key; the old is believed for 90 days more.',
  );
  assert.equal(await keysOf(scene), 2);
  assert.equal(
    await rotate({ only: 'signing', 'overlap-days': 1 }),
    'Made a new signing key; the old is believed for 1 day more.',
  );
  assert.equal(await keysOf(scene), 3);
  assert.equal((await scene.post('/oauth2/introspect', { token: 'a' }, { as: client })).status, 200);
});

test('an operator makes all applications register anew', async (t) => {
  const { scene, rotate } = await openWith(t);
  const client = await scene.register();
  const said = await rotate({ only: 'registration', 'at-once': true });
  assert.equal(said, 'Made a new registration key; the old is not believed any more.');
  assert.equal((await scene.post('/oauth2/introspect', { token: 'a' }, { as: client })).status, 401);
  assert.equal(await keysOf(scene), 1);
});

test('keys of the configuration are changed there, and what makes no sense is refused', async (t) => {
  const { rotate } = await openWith(t, { oauth: { registrationKey: 'a registration key of more than 32 characters' } });
  await assert.rejects(rotate({ only: 'registration' }), /given by the configuration/);
  assert.match(await rotate(), /^Made a new signing key;/);
  await assert.rejects(rotate({ only: 'front-door' }), /takes one of registration, signing/);
  await assert.rejects(rotate({ 'at-once': true, 'overlap-days': 3 }), /exclude each other/);
  const { rotate: without } = await openWith(t, { oauth: false });
  await assert.rejects(without(), new CommandError('applications have no access here: features.oauth is off'));
});
