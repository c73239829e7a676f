import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fast } from '../../../src/core/fast.ts';
import { disco } from '../../../src/features/disco/index.ts';
import { attr, child, type Element, serialize } from '../../../src/xml/element.ts';
import {
  BIND,
  conditionOf,
  DOMAIN,
  HT_NONE,
  LAPTOP,
  NS_BIND2,
  NS_SM,
  PASSWORD,
  PHONE,
  REQUEST_TOKEN,
  tokenOf,
} from '../../c2s/sasl2-scene.ts';
import { assertXml } from '../../support/compare.ts';
import type { StageClient } from '../../support/stage-client.ts';
import { list, loginThrough, makeGrant, NS, NS_CAM, open, ROMEO, revoke, type Scene } from './scene.ts';

const NEW_PASSWORD =
  '<query xmlns="jabber:iq:register"><username>romeo</username><password>thy name</password></query>';

const ENABLE = `<enable xmlns="${NS_SM}" resume="true"/>`;

/** The identifier by which a session can be resumed that was bound and managed along with its login. */
function previdOf(success: Element): string {
  const bound = child(success, 'bound', NS_BIND2);
  const enabled = bound && child(bound, 'enabled', NS_SM);
  assert.ok(enabled, serialize(success));
  return attr(enabled, 'id') ?? '';
}

/** A client of which only tokens are left, and an older record: the password was changed since it used it. */
async function withTokenOnly(scene: Scene): Promise<{ readonly token: string; readonly client: StageClient }> {
  const { host, clock } = scene.stage;
  await scene.phone();
  await clock.advance(1000);
  await host.users.setPassword('romeo', 'thy name');
  const login = { mechanism: 'EXTERNAL', at: clock.now(), role: 'member', clientId: PHONE } as const;
  const more = { userAgent: undefined, grantId: undefined };
  const { token } = await host.services.use(fast).issue(ROMEO, PHONE, HT_NONE, { ...login, ...more });
  const client = await scene.connect();
  assert.equal((await client.token(token, { children: BIND })).name, 'success');
  await client.stage.next();
  return { token, client: client.stage };
}

/** Logs in with the new password. */
async function withNewPassword(scene: Scene, clientId: string): Promise<StageClient> {
  const client = await scene.connect();
  assert.equal((await client.plain({ clientId, password: 'thy name', children: BIND })).name, 'success');
  await client.stage.next();
  return client.stage;
}

describe('The list', () => {
  test('has one entry right after the first login, connected, of type session', async (t) => {
    const { phone, stage } = await open(t);
    const { client } = await phone();
    const [entry, second] = await list(client);
    assert.ok(entry);
    assert.equal(second, undefined);
    const now = `${new Date(stage.clock.now()).toISOString().slice(0, 19)}Z`;
    assertXml(
      entry.element,
      `<client id="*" type="session" connected="true"><first-seen>${now}</first-seen><last-seen>${now}</last-seen>
        <auth><password/></auth>
        <user-agent><software>Pelican</software><device>Phone</device></user-agent></client>`,
    );
    assert.match(entry.id, /^client\/[\w-]{12}$/);
    assert.ok(!entry.id.includes(PHONE));
  });

  test('gains no entry by a second login with the same id: first-seen stays, last-seen moves', async (t) => {
    const { phone, stage } = await open(t);
    const [before] = await list((await phone()).client);
    await stage.clock.advance(90_000);
    const after = await list((await phone()).client);
    assert.equal(after.length, 1);
    assert.deepEqual([after[0]?.id, after[0]?.firstSeen], [before?.id, before?.firstSeen]);
    assert.equal(Date.parse(after[0]?.lastSeen ?? '') - Date.parse(before?.lastSeen ?? ''), 90_000);
  });

  test('has two entries for two installations of the same tag', async (t) => {
    const { phone } = await open(t);
    await phone(PHONE);
    const entries = await list((await phone(LAPTOP)).client);
    assert.equal(new Set(entries.map(({ id }) => id)).size, 2);
    assert.deepEqual(
      entries.map(({ connected }) => connected),
      ['true', 'true'],
    );
  });

  test('shows password after a password login, and not after a password change until the next', async (t) => {
    const scene = await open(t);
    const { client } = await scene.phone();
    await scene.stage.clock.advance(1000);
    await client.set(NEW_PASSWORD);
    assert.deepEqual((await list(client))[0]?.auth, []);
    await scene.stage.clock.advance(1000);
    const again = await withNewPassword(scene, PHONE);
    assert.deepEqual((await list(again))[0]?.auth, ['password']);
  });

  test('has one client with a grant for an application that has logged in, and a grant for one that has not', async (t) => {
    const scene = await open(t);
    const used = await makeGrant(scene.stage);
    await scene.stage.clock.advance(2000);
    const unused = await makeGrant(scene.stage, 'account-read');
    await scene.stage.clock.advance(2000);
    const client = await loginThrough(scene, used);
    const entries = await list(client);
    assert.deepEqual(
      entries.map(({ id, type, connected, auth, software }) => [id.split('/')[0], type, connected, auth, software]),
      [
        ['grant', 'access', 'false', ['grant'], 'Backup tool'],
        // What it says of itself counts more than what is known of the grant.
        ['client', 'session', 'true', ['grant', 'fast'], 'Pelican'],
      ],
    );
    assert.equal(entries[0]?.id, `grant/${unused.id}`);
    // The earlier of the two: the grant was there before the client.
    assert.equal(Date.parse(entries[1]?.firstSeen ?? ''), used.createdAt);
    assert.ok(!entries.some(({ element }) => serialize(element).includes('bearer-token')));
  });

  test('tells of software its version and its page', async (t) => {
    const scene = await open(t);
    await makeGrant(scene.stage);
    await scene.stage.clock.advance(1000);
    const [entry] = await list((await scene.phone()).client);
    assert.ok(entry);
    assertXml(
      child(entry.element, 'user-agent') ?? entry.element,
      '<user-agent><software version="2.1">Backup tool</software><uri>https://backup.example/</uri></user-agent>',
    );
  });

  test('in the namespace of XEP-0494 carries auth and permission on every entry', async (t) => {
    const scene = await open(t);
    await makeGrant(scene.stage, 'normal');
    await scene.stage.clock.advance(1000);
    await makeGrant(scene.stage, 'account-read');
    await scene.stage.clock.advance(1000);
    const { client } = await scene.phone();
    const entries = await list(client, NS_CAM);
    assert.ok(entries.every(({ element }) => child(element, 'auth') !== undefined));
    assert.deepEqual(
      entries.map(({ permission }) => permission),
      ['normal', 'restricted', 'unrestricted'],
    );
    const restricted = entries[1] && child(entries[1].element, 'permission');
    assert.ok(restricted);
    assert.match(serialize(restricted), /<scope>account-read<\/scope>/);
    assert.ok((await list(client)).every(({ permission }) => permission === undefined));
  });

  test('has the same ids when it is asked for twice, in both namespaces', async (t) => {
    const scene = await open(t);
    await makeGrant(scene.stage);
    const { client } = await scene.phone();
    const ids = (await list(client)).map(({ id }) => id);
    assert.deepEqual(
      (await list(client)).map(({ id }) => id),
      ids,
    );
    assert.deepEqual(
      (await list(client, NS_CAM)).map(({ id }) => id),
      ids,
    );
  });

  test('has those last who were seen last', async (t) => {
    const { phone, stage } = await open(t);
    await phone(PHONE);
    await stage.clock.advance(5000);
    const { client } = await phone(LAPTOP);
    const [first, last] = await list(client);
    assert.ok((first?.lastSeen ?? '') < (last?.lastSeen ?? ''));
    await stage.clock.advance(5000);
    await phone(PHONE);
    assert.deepEqual(
      (await list(client)).map(({ id }) => id),
      [last?.id, first?.id],
    );
  });

  test('shows a client that has left with the time when it left', async (t) => {
    const { phone, stage } = await open(t);
    const gone = await phone(LAPTOP);
    await stage.clock.advance(60_000);
    gone.client.transport.break();
    await stage.clock.advance(60_000);
    const { client } = await phone();
    const [left] = await list(client);
    assert.deepEqual([left?.connected, Date.parse(left?.lastSeen ?? '')], ['false', stage.clock.now() - 60_000]);
  });

  test('has a client that binds its resource as in RFC 6120 after SASL2', async (t) => {
    const { connect } = await open(t);
    const client = await connect();
    await client.plain({ clientId: PHONE });
    await client.stage.next();
    await client.stage.bind('desk');
    const entries = await list(client.stage);
    assert.deepEqual(
      entries.map(({ connected, auth }) => [connected, auth]),
      [['true', ['password']]],
    );
  });

  test('has a client without an id that logs in by SASL2 and Bind 2', async (t) => {
    const { phone } = await open(t);
    const entries = await list((await phone(undefined)).client);
    assert.deepEqual(
      entries.map(({ type, connected, auth }) => [type, connected, auth]),
      [['session', 'true', ['password']]],
    );
  });

  test('knows a legacy client again by its resource', async (t) => {
    const { stage } = await open(t);
    const { desk } = await stage.connected({ desk: 'romeo' });
    const [before] = await list(desk);
    await stage.clock.advance(10_000);
    const { desk: again, sofa } = await stage.connected({ desk: 'romeo', sofa: 'romeo' });
    const after = await list(again);
    assert.equal(after.length, 2);
    assert.deepEqual(after.find(({ id }) => id === before?.id)?.firstSeen, before?.firstSeen);
    assert.deepEqual(await list(sofa).then((entries) => entries.map(({ connected }) => connected)), ['true', 'true']);
  });

  test('has one entry for a client that takes its session up again', async (t) => {
    const { phone, connect, stage } = await open(t);
    const { client, success } = await phone(PHONE, ENABLE);
    const [entry] = await list(client);
    client.transport.break();
    await stage.clock.advance(3000);
    const again = await connect();
    const resume = `<resume xmlns="${NS_SM}" previd="${previdOf(success)}" h="1"/>`;
    assert.match(serialize(await again.plain({ clientId: PHONE, children: resume })), /<resumed /);
    const [resumed, other] = await list(again.stage);
    assert.deepEqual([resumed?.id, resumed?.connected, other], [entry?.id, 'true', undefined]);
    assert.equal(Date.parse(resumed?.lastSeen ?? ''), stage.clock.now());
  });

  test('is announced by service discovery of the account', async (t) => {
    const { phone } = await open(t, { features: [disco] });
    const { client } = await phone();
    const info = await client.get('<query xmlns="http://jabber.org/protocol/disco#info"/>', ROMEO.toString());
    assert.ok(info);
    for (const ns of [NS, NS_CAM]) assert.ok(serialize(info).includes(`<feature var="${ns}"/>`), ns);
  });
});

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
