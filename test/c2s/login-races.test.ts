import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { clientAccess } from '../../src/features/client-management/api.ts';
import { clientManagement } from '../../src/features/client-management/index.ts';
import { child } from '../../src/xml/element.ts';
import type { StageOptions } from '../support/stage.ts';
import {
  authenticate,
  BIND,
  conditionOf,
  HT_NONE,
  hmac,
  LAPTOP,
  NS_FAST,
  open,
  PASSWORD,
  PHONE,
  REQUEST_TOKEN,
  tokenOf,
} from './sasl2-scene.ts';

const NEW_PASSWORD = 'quite another one';

/** A stage where something happens once, a second after the proof of a login was found right. */
async function openWith(t: TestContext, options: Partial<StageOptions> = {}) {
  const scene = await open(t, options);
  const { users } = scene.stage.host;
  const status = users.status.bind(users);
  return {
    ...scene,
    users,
    afterProof(happens: () => Promise<unknown>): void {
      users.status = async (username) => {
        users.status = status;
        await scene.stage.clock.advance(1000);
        await happens();
        return status(username);
      };
    },
  };
}

test('whoever logs in with a password while it is changed gets no session and no token that lasts', async (t) => {
  const scene = await openWith(t, { features: [clientManagement] });
  scene.afterProof(() => scene.users.setPassword('romeo', NEW_PASSWORD));
  const client = await scene.connect();
  const token = tokenOf(await client.plain({ clientId: PHONE, children: REQUEST_TOKEN }));
  await client.stage.sends("<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>");
  await client.stage.isClosedWith('reset');
  assert.deepEqual(
    await scene.stage.host.services.use(clientAccess).list('romeo'),
    [],
    'it knows no password that is good',
  );
  assert.equal(conditionOf(await (await scene.connect()).token(token)), 'credentials-expired');
});

test('whoever logs in with a token while it is revoked gets no other', async (t) => {
  const scene = await openWith(t);
  const token = tokenOf(await (await scene.connect()).plain({ clientId: PHONE, children: REQUEST_TOKEN }));
  const { grants } = scene.stage.host;
  scene.afterProof(async () => {
    for (const { id } of await grants.list('romeo')) await grants.revoke('romeo', id);
  });
  const success = await (await scene.connect()).token(token, { children: REQUEST_TOKEN });
  assert.equal(child(success, 'token', NS_FAST), undefined);
  assert.deepEqual(await grants.list('romeo'), []);
  // The password is still good for another.
  tokenOf(await (await scene.connect()).plain({ clientId: PHONE, children: REQUEST_TOKEN }));
});

test('whoever logs in with a token while the owner revokes it is shown out, also a client that is forgotten', async (t) => {
  const config = { features: { clientManagement: { recordLimit: 1 } } };
  const scene = await openWith(t, { features: [clientManagement], config });
  const token = tokenOf(await (await scene.connect()).plain({ clientId: PHONE, children: REQUEST_TOKEN }));
  await (await scene.connect()).token(token);
  await (await scene.connect()).plain({ clientId: LAPTOP });
  const access = scene.stage.host.services.use(clientAccess);
  scene.afterProof(async () => {
    const entry = (await access.list('romeo')).find(({ id }) => id.startsWith('grant/'));
    await access.revoke('romeo', entry?.id ?? '');
  });
  const client = await scene.connect();
  await client.stage.sends(
    authenticate(HT_NONE, Buffer.concat([Buffer.from('romeo\0'), hmac(token, 'Initiator')]), {
      clientId: PHONE,
      children: `<fast xmlns='${NS_FAST}'/>${BIND}`,
    }),
  );
  await client.stage.isClosedWith('reset');
});

test('while a password is replaced nobody gets in with the one before', async (t) => {
  const { users } = await openWith(t);
  await users.verifyPassword('romeo', PASSWORD);
  const keys = await users.keys('romeo');
  await users.setPassword('romeo', NEW_PASSWORD);
  assert.equal(await users.verifyPassword('romeo', NEW_PASSWORD), true);
  const replaced = users.setKeys('romeo', keys);
  assert.equal(await users.verifyPassword('romeo', NEW_PASSWORD), false);
  assert.equal(await users.verifyPassword('romeo', PASSWORD), true);
  await replaced;
});
