import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { disco } from '../../../src/features/disco/index.ts';
import { child, serialize } from '../../../src/xml/element.ts';
import { LAPTOP, NS_SM, PHONE } from '../../c2s/sasl2-scene.ts';
import { assertXml } from '../../support/compare.ts';
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
  withNewPassword,
} from './scene.ts';

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
