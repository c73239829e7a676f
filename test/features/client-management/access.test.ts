import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fast } from '../../../src/core/fast.ts';
import { attr, child, serialize } from '../../../src/xml/element.ts';
import {
  BIND,
  conditionOf,
  DOMAIN,
  HT_NONE,
  LAPTOP,
  PASSWORD,
  PHONE,
  REQUEST_TOKEN,
  tokenOf,
} from '../../c2s/sasl2-scene.ts';
import { assertXml } from '../../support/compare.ts';
import type { StageClient } from '../../support/stage-client.ts';
import {
  ENABLE,
  list,
  loginThrough,
  makeGrant,
  NEW_PASSWORD,
  NS,
  NS_CAM,
  open,
  previdOf,
  ROMEO,
  revoke,
  type Scene,
  withNewPassword,
} from './scene.ts';

/** A client of which only tokens are left, and an older record: the password was changed since it used it. */
async function withTokenOnly(scene: Scene): Promise<{ readonly token: string; readonly client: StageClient }> {
  const { host, clock } = scene.stage;
  await scene.phone();
  await clock.advance(1000);
  await host.users.setPassword('romeo', 'thy name');
  const login = { mechanism: 'EXTERNAL', at: clock.now(), role: 'member', clientId: PHONE } as const;
  const more = { userAgent: undefined, grantId: undefined };
  const issued = await host.services.use(fast).issue(ROMEO, PHONE, HT_NONE, { ...login, ...more });
  assert.ok(issued);
  const { token } = issued;
  const client = await scene.connect();
  assert.equal((await client.token(token, { children: BIND })).name, 'success');
  await client.stage.next();
  return { token, client: client.stage };
}

describe('Revoking', () => {
  test('a connected client with tokens only ends its stream, and its token is of no use any more', async (t) => {
    const scene = await open(t);
    const { token, client } = await withTokenOnly(scene);
    const desk = await withNewPassword(scene, LAPTOP);
    const entry = (await list(desk)).find(({ auth }) => auth.join() === 'fast');
    assert.ok(entry);
    assert.equal(await desk.set(revoke(entry.id)), undefined);
    await client.isClosedWith('reset');
    assert.equal(conditionOf(await (await scene.connect()).token(token)), 'not-authorized');
    assert.ok(!(await list(desk)).some(({ id }) => id === entry.id));
    assert.equal(await desk.refused('set', revoke(entry.id)), 'item-not-found');
  });

  test('a grant makes its tokens fail at once, those derived from it too, and ends the sessions opened with them', async (t) => {
    const scene = await open(t);
    const grant = await makeGrant(scene.stage);
    const application = await loginThrough(scene, grant);
    const { client } = await scene.phone(LAPTOP);
    assert.equal(await client.set(revoke(`grant/${grant.id}`)), undefined);
    await application.isClosedWith('reset');
    assert.equal(await scene.stage.host.grants.isLive('romeo', grant.id), false);
    assert.deepEqual(await scene.stage.host.grants.list('romeo'), []);
    assert.equal((await list(client)).length, 1);
  });

  test('a grant in another way than by a client ends its sessions too', async (t) => {
    const scene = await open(t);
    const grant = await makeGrant(scene.stage);
    const application = await loginThrough(scene, grant);
    await scene.stage.host.grants.revoke('romeo', grant.id);
    await application.isClosedWith('reset');
  });

  test('a client with a password and tokens ends the tokens, then says that the password must be changed', async (t) => {
    const scene = await open(t);
    const login = await scene.connect();
    const token = tokenOf(await login.plain({ clientId: PHONE, children: BIND + REQUEST_TOKEN }));
    await login.stage.next();
    const { client } = await scene.phone(LAPTOP);
    const entry = (await list(client)).find(({ auth }) => auth.includes('fast'));
    assert.deepEqual(entry?.auth, ['password', 'fast']);
    const answer = await client.ask('set', revoke(entry?.id ?? ''));
    assertXml(
      answer,
      `<iq id="*" type="error" to="*"><error type="cancel">
        <service-unavailable xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/>
        <text xmlns="urn:ietf:params:xml:ns:xmpp-stanzas" xml:lang="en">Password reset required</text>
        <password-reset-required xmlns="${NS}"/></error></iq>`,
    );
    await login.stage.isClosedWith('reset');
    assert.equal(conditionOf(await (await scene.connect()).token(token)), 'not-authorized');
    assert.deepEqual((await list(client)).find(({ id }) => id === entry?.id)?.auth, ['password']);
    const cam = await client.ask('set', revoke(entry?.id ?? '', NS_CAM));
    assert.match(serialize(cam), /<password-reset-required xmlns="urn:xmpp:cam:0"\/>/);
  });

  test('a client that hibernates: it cannot be resumed', async (t) => {
    const scene = await open(t);
    const { client: phone, success } = await scene.phone(PHONE, ENABLE);
    const [entry] = await list(phone);
    phone.transport.break();
    const { client } = await scene.phone(LAPTOP);
    assert.equal((await list(client)).find(({ id }) => id === entry?.id)?.connected, 'true');
    assert.equal(await client.refused('set', revoke(entry?.id ?? '')), 'service-unavailable');
    assert.equal((await list(client)).find(({ id }) => id === entry?.id)?.connected, 'false');
    const again = await scene.connect();
    const resume = `<resume xmlns="urn:xmpp:sm:3" previd="${previdOf(success)}" h="0"/>`;
    const answer = await again.plain({ clientId: PHONE, children: resume });
    assert.match(serialize(answer), /<failed xmlns="urn:xmpp:sm:3"[^>]*><item-not-found/);
  });

  test('what is not there is item-not-found and changes nothing', async (t) => {
    const scene = await open(t);
    const { client } = await scene.phone();
    await scene.stage.host.users.create('juliet', PASSWORD);
    const foreign = await makeGrant(scene.stage, 'member', 'juliet');
    const before = (await list(client)).map(({ element }) => serialize(element));
    for (const id of ['', 'client/', 'nope/x', 'client/nope', 'client', `grant/${foreign.id}`, 'x/client/y']) {
      assert.equal(await client.refused('set', revoke(id)), 'item-not-found', id);
      assert.equal(await client.refused('set', revoke(id, NS_CAM)), 'item-not-found', id);
    }
    assert.equal(await client.refused('set', `<revoke xmlns="${NS}"/>`), 'item-not-found');
    assert.deepEqual(
      (await list(client)).map(({ element }) => serialize(element)),
      before,
    );
    assert.equal(await scene.stage.host.grants.isLive('juliet', foreign.id), true);
  });

  test('by an id without its prefix is possible in the namespace of XEP-0494 only', async (t) => {
    const scene = await open(t);
    const grant = await makeGrant(scene.stage);
    const { client } = await scene.phone();
    assert.equal(await client.refused('set', revoke(grant.id)), 'item-not-found');
    assert.equal(await client.set(revoke(grant.id, NS_CAM)), undefined);
    assert.equal(await scene.stage.host.grants.isLive('romeo', grant.id), false);
  });

  test('itself, a client has the answer before its stream ends', async (t) => {
    const scene = await open(t);
    const { client } = await withTokenOnly(scene);
    const [entry] = await list(client);
    assert.equal(await client.set(revoke(entry?.id ?? '')), undefined);
    await client.isClosedWith('reset');
  });

  test('itself with a password, a client has the error before its stream ends', async (t) => {
    const { phone } = await open(t);
    const { client } = await phone();
    const [entry] = await list(client);
    assert.equal(await client.refused('set', revoke(entry?.id ?? '')), 'service-unavailable');
    await client.isClosedWith('reset');
  });

  test('a client that is revoked and logs in again has its old first-seen', async (t) => {
    const scene = await open(t);
    const { client } = await withTokenOnly(scene);
    const [before] = await list(client);
    await client.set(revoke(before?.id ?? ''));
    await scene.stage.clock.advance(10_000);
    const again = await withNewPassword(scene, PHONE);
    const [after] = await list(again);
    assert.deepEqual([after?.id, after?.firstSeen], [before?.id, before?.firstSeen]);
  });

  test('that cannot be stored is internal-server-error, and the entry is still listed', async (t) => {
    const scene = await open(t);
    const { client: phone } = await withTokenOnly(scene);
    const [entry] = await list(phone);
    await scene.stage.clock.advance(6000);
    scene.stage.store.failNextCommit(new Error('the disk is full'));
    const answer = await phone.ask('set', revoke(entry?.id ?? ''));
    const error = child(answer, 'error');
    assert.equal(error && attr(error, 'type'), 'wait');
    assert.match(serialize(answer), /<internal-server-error/);
    assert.equal(phone.transport.isClosed, false);
    assert.deepEqual(
      (await list(phone)).map(({ id }) => id),
      [entry?.id],
    );
    assert.equal(await phone.set(revoke(entry?.id ?? '')), undefined);
  });

  test('with the wrong type of request is bad-request, and so is a list', async (t) => {
    const { phone } = await open(t);
    const { client } = await phone();
    assert.equal(await client.refused('get', revoke('client/x')), 'bad-request');
    assert.equal(await client.refused('set', `<list xmlns="${NS_CAM}"/>`), 'bad-request');
  });
});

describe('Who may', () => {
  test('a guest, and who has a normal role only, may neither revoke nor list', async (t) => {
    const scene = await open(t, { config: { auth: { mechanisms: ['PLAIN', 'ANONYMOUS'] } } });
    const grant = await makeGrant(scene.stage, 'normal');
    const application = await loginThrough(scene, grant);
    const guest = await scene.connect();
    await guest.authenticate('ANONYMOUS', '', { clientId: LAPTOP, children: BIND });
    await guest.stage.next();
    for (const client of [application, guest.stage]) {
      assert.equal(await client.refused('set', revoke(`grant/${grant.id}`)), 'forbidden');
      assert.equal(await client.refused('get', `<list xmlns="${NS}"/>`), 'forbidden');
    }
    assert.equal(await scene.stage.host.grants.isLive('romeo', grant.id), true);
  });

  test('a list or revocation addressed to another account reveals nothing', async (t) => {
    const scene = await open(t);
    const { client } = await scene.phone();
    const { juliet } = await scene.stage.connected({ juliet: 'juliet' });
    const [entry] = await list(client);
    for (const to of [ROMEO.toString(), `nobody@${DOMAIN}`]) {
      assert.equal(await juliet.refused('get', `<list xmlns="${NS}"/>`, to), 'service-unavailable');
      assert.equal(await juliet.refused('set', revoke(entry?.id ?? ''), to), 'service-unavailable');
    }
    const own = await client.get(`<list xmlns="${NS}"/>`, ROMEO.toString());
    assert.equal(own?.name, 'clients');
    assert.equal(await client.refused('get', `<list xmlns="${NS}"/>`, DOMAIN), 'service-unavailable');
  });
});

describe('The account', () => {
  test('that is disabled and enabled again keeps grants and tokens', async (t) => {
    const scene = await open(t);
    const grant = await makeGrant(scene.stage);
    const client = await scene.connect();
    const token = tokenOf(await client.plain({ clientId: PHONE, children: REQUEST_TOKEN }));
    client.stage.transport.break();
    await scene.stage.clock.advance(1000);
    await scene.stage.host.users.setDisabled('romeo', true);
    await scene.stage.host.users.setDisabled('romeo', false);
    assert.equal(await scene.stage.host.grants.isLive('romeo', grant.id), true);
    assert.equal((await (await scene.connect()).token(token)).name, 'success');
  });

  test('whose password is changed ends all sessions but the one that changed it, and voids what was granted', async (t) => {
    const scene = await open(t);
    const grant = await makeGrant(scene.stage);
    const application = await loginThrough(scene, grant, LAPTOP);
    const { client } = await scene.phone();
    const waiting = await scene.connect();
    await waiting.plain({ clientId: LAPTOP });
    await waiting.stage.next();
    await scene.stage.clock.advance(1000);
    assert.equal(await client.set(NEW_PASSWORD), undefined);
    await application.isClosedWith('reset');
    assert.deepEqual(
      (await list(client)).map(({ connected, auth }) => [connected, auth]),
      [['true', []]],
    );
    // It had logged in before, and has not bound a resource yet.
    await waiting.stage.sends('<iq type="set" id="b"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"/></iq>');
    await waiting.stage.isClosedWith('reset');
  });
});
