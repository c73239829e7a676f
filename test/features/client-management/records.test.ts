import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { describe, test } from 'node:test';
import type { Login } from '../../../src/core/login.ts';
import { clientLoggedIn } from '../../../src/core/points.ts';
import { clientAccess } from '../../../src/features/client-management/api.ts';
import { clientManagement } from '../../../src/features/client-management/index.ts';
import { CLIENTS } from '../../../src/features/client-management/record.ts';
import { child, text } from '../../../src/xml/element.ts';
import { LAPTOP, PHONE } from '../../c2s/sasl2-scene.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { DOMAIN, PASSWORD, Stage } from '../../support/stage.ts';
import { list, makeGrant, open, ROMEO } from './scene.ts';

const DAY_MS = 86_400_000;

/** Says that a client has logged in, without one. */
function logIn({ host, clock }: Stage, clientId: string, more: Partial<Login> = {}): Promise<void> {
  const userAgent = { software: 'Pelican', device: 'Phone' };
  const login = {
    mechanism: 'PLAIN',
    at: clock.now(),
    role: 'member',
    clientId,
    userAgent,
    grantId: undefined,
  } as const;
  const event = { jid: ROMEO, login: { ...login, ...more }, address: '192.0.2.1', session: undefined };
  return host.topics.settle(clientLoggedIn, event);
}

describe('The records of an account', () => {
  test('are so many and no more, whatever identifiers its clients make up', async (t) => {
    const { stage, phone } = await open(t, { settings: { recordLimit: 15 } });
    const { client } = await phone();
    const [connected] = await list(client);
    for (let i = 0; i < 10_000; i++) await logIn(stage, randomUUID());
    const entries = await list(client);
    assert.equal(entries.length, 15);
    assert.ok(entries.some(({ id }) => id === connected?.id));
  });

  test('make room by dropping those that have no access any more, the oldest first', async (t) => {
    const { stage, phone } = await open(t, { settings: { recordLimit: 3 } });
    const ids = [randomUUID(), randomUUID(), randomUUID()];
    await logIn(stage, ids[0] ?? '');
    await stage.clock.advance(1000);
    await logIn(stage, ids[1] ?? '', { mechanism: 'EXTERNAL' });
    await stage.clock.advance(1000);
    await logIn(stage, ids[2] ?? '');
    const access = stage.host.services.use(clientAccess);
    const before = (await access.list('romeo')).map(({ id }) => id);
    assert.equal(before.length, 2);
    await stage.clock.advance(1000);
    const { client } = await phone();
    const after = await list(client);
    assert.deepEqual(
      after.slice(0, 2).map(({ id }) => id),
      before,
    );
    await stage.clock.advance(1000);
    await logIn(stage, randomUUID());
    const last = await list(client);
    assert.equal(last.length, 3);
    assert.equal(
      last.some(({ id }) => id === before[0]),
      false,
    );
  });

  test('are dropped when there was no access for long, and not before', async (t) => {
    const settings = { recordRetentionMs: DAY_MS };
    const { stage } = await open(t, { settings });
    const { store, clock } = stage;
    await logIn(stage, PHONE, { mechanism: 'EXTERNAL' });
    await logIn(stage, LAPTOP);
    await stage.close();
    /** How many there are in a process that starts so long after that and has run for a while. */
    const keptAfter = async (ms: number): Promise<number> => {
      const later = await open(t, { store, clock: new ManualClock(clock.now() + ms), settings });
      await later.stage.clock.advance(DAY_MS / 4);
      await later.stage.close();
      return (await later.stage.table(CLIENTS).get(DOMAIN, 'romeo'))?.length ?? 0;
    };
    assert.equal(await keptAfter(DAY_MS / 2), 2);
    assert.equal(await keptAfter(DAY_MS), 1);
  });

  test('keep no text that is longer than 256 characters, and take what is new', async (t) => {
    const { stage, phone } = await open(t);
    const grant = await makeGrant(stage);
    await stage.host.grants.change(
      'romeo',
      grant.id,
      (old) => old && { ...old, data: { client_uri: 'x'.repeat(1000) } },
    );
    const userAgent = { software: 'y'.repeat(1000), device: 'Old' };
    await logIn(stage, LAPTOP, { grantId: grant.id, userAgent });
    await logIn(stage, LAPTOP, { grantId: grant.id, userAgent: { software: undefined, device: 'New' } });
    const [found] = (await list((await phone()).client)).filter(({ software }) => software.startsWith('y'));
    const agent = found && child(found.element, 'user-agent');
    assert.ok(agent);
    assert.deepEqual(
      ['software', 'uri', 'device'].map((name) => text(child(agent, name))),
      ['y'.repeat(256), 'x'.repeat(256), 'New'],
    );
  });

  test('have no names of devices where those are not to be kept', async (t) => {
    const { phone } = await open(t, { settings: { storeDeviceNames: false } });
    const [entry] = await list((await phone()).client);
    const agent = entry && child(entry.element, 'user-agent');
    assert.ok(agent);
    assert.equal(child(agent, 'device'), undefined);
    assert.equal(text(child(agent, 'software')), 'Pelican');
  });

  test('of guests are none', async (t) => {
    const { stage, connect } = await open(t, { config: { auth: { mechanisms: ['ANONYMOUS'] } } });
    const guest = await connect();
    await guest.authenticate('ANONYMOUS', '', { clientId: PHONE, children: '<bind xmlns="urn:xmpp:bind:0"/>' });
    await stage.clock.advance(6000);
    for await (const [key] of stage.table(CLIENTS).list([DOMAIN])) assert.fail(key.join());
  });

  test('survive a restart, new ones at once and the rest with the last writes', async (t) => {
    const first = await open(t);
    const [before] = await list((await first.phone()).client);
    await first.stage.clock.advance(60_000);
    await first.phone();
    await first.stage.close();
    const { store, clock } = first.stage;
    const second = await open(t, { store, clock });
    const [after] = await second.stage.host.services.use(clientAccess).list('romeo');
    assert.deepEqual([after?.id, after?.lastSeen], [before?.id, clock.now()]);
  });

  test('go with the account', async (t) => {
    const { stage, phone } = await open(t);
    await phone();
    await stage.host.removeUser('romeo');
    await stage.host.users.create('romeo', PASSWORD);
    assert.deepEqual(await stage.host.services.use(clientAccess).list('romeo'), []);
  });

  test('are kept though the store fails once: the login is good, and it is written later', async (t) => {
    const stage = await Stage.open(t, { features: [clientManagement] });
    await stage.host.users.create('romeo', PASSWORD);
    stage.store.failNextCommit(new Error('the disk is full'));
    await logIn(stage, PHONE);
    assert.ok(stage.log.records.some(({ event }) => event === 'client.not-recorded'));
    await stage.clock.advance(6000);
    assert.equal((await stage.table(CLIENTS).get(DOMAIN, 'romeo'))?.length, 1);
  });
});
