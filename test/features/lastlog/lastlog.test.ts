import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { type TestContext, test } from 'node:test';
import { lastlog as service } from '../../../src/features/lastlog/api.ts';
import { lastlog } from '../../../src/features/lastlog/index.ts';
import { sm } from '../../../src/features/sm/index.ts';
import { PASSWORD, Stage, type StageOptions } from '../../support/stage.ts';

async function open(t: TestContext, options: Partial<StageOptions> = {}, addresses = false) {
  const config = { features: { lastlog: { addresses } }, ...options.config };
  const stage = await Stage.open(t, { features: [lastlog, sm], ...options, config });
  return { stage, log: stage.host.services.use(service) };
}

test('a login, a logout and the registration are put down, and none of them erases another', async (t) => {
  const { stage, log } = await open(t);
  const { clock } = stage;
  const registered = clock.now();
  await stage.host.users.create('romeo', PASSWORD);
  await clock.advance(1000);
  const firstLogin = clock.now();
  const { phone } = await stage.connected({ phone: 'romeo' });
  await clock.advance(1000);
  assert.deepEqual(await log.of('romeo'), {
    login: { at: firstLogin },
    logout: undefined,
    registered: { at: registered },
  });
  phone.transport.break();
  await clock.advance(10_000);
  const logout = clock.now() - 10_000;
  await stage.connected({ phone: 'romeo' });
  assert.deepEqual(await log.of('romeo'), {
    login: { at: clock.now() },
    logout: { at: logout },
    registered: { at: registered },
  });
});

test('who is connected is active now, who is not was at the later of login and logout', async (t) => {
  const { stage, log } = await open(t);
  await stage.host.users.create('juliet', PASSWORD);
  assert.equal(await log.getLastActive('juliet'), undefined);
  const { phone } = await stage.connected({ phone: 'romeo' });
  await stage.clock.advance(60_000);
  assert.equal(await log.getLastActive('romeo'), stage.clock.now());
  phone.transport.break();
  await stage.clock.advance(60_000);
  assert.equal(await log.getLastActive('romeo'), stage.clock.now() - 60_000);
  log.loggedIn('romeo', '192.0.2.7');
  assert.equal(await log.getLastActive('romeo'), stage.clock.now());
});

test('hibernation postpones the logout to the real end', async (t) => {
  const { stage, log } = await open(t, { config: { features: { sm: { resumeMs: 30_000 } } } });
  const { phone } = await stage.connected({ phone: 'romeo' });
  await phone.sends('<enable xmlns="urn:xmpp:sm:3" resume="true"/>');
  phone.transport.break();
  await stage.clock.advance(20_000);
  assert.equal((await log.of('romeo'))?.logout, undefined);
  await stage.clock.advance(20_000);
  assert.notEqual((await log.of('romeo'))?.logout, undefined);
});

test('guests and those who fail to log in are not put down', async (t) => {
  const { stage, log } = await open(t, { config: { auth: { mechanisms: ['ANONYMOUS', 'PLAIN'] } } });
  await stage.host.users.create('romeo', PASSWORD);
  const guest = stage.connect('guest');
  await guest.open();
  await guest.sends("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>");
  await guest.nextNamed('success');
  await guest.open();
  await guest.bind('x');
  const stranger = stage.connect('stranger');
  await assert.rejects(stranger.logIn('romeo', 'wrong'));
  guest.transport.break();
  await stage.clock.advance(6000);
  assert.equal((await log.of('romeo'))?.login, undefined);
  assert.equal(await log.getLastActive(guest.jid.split('@')[0] ?? ''), undefined);
});

test('an address is kept only where that is wanted, and goes with the next event once it is not', async (t) => {
  const kept = await open(t, {}, true);
  const { phone } = await kept.stage.connected({ phone: 'romeo' });
  phone.transport.break();
  await kept.stage.clock.advance(6000);
  assert.deepEqual((await kept.log.of('romeo'))?.logout?.address, '192.0.2.1');
  await kept.stage.close();
  const { store, clock } = kept.stage;
  const later = await open(t, { store, clock });
  await later.stage.connected({ phone: 'romeo' });
  await later.stage.close();
  const last = await open(t, { store, clock }, true);
  const { login, logout } = (await last.log.of('romeo')) ?? {};
  assert.ok(login !== undefined && logout !== undefined);
  assert.deepEqual([login.address, logout.address], [undefined, undefined]);
});

test('what happened survives a restart, and goes with the account', async (t) => {
  const first = await open(t);
  await first.stage.connected({ phone: 'romeo' });
  const { store, clock } = first.stage;
  await first.stage.close();
  await clock.advance(60_000);
  const second = await open(t, { store, clock });
  assert.equal(await second.log.getLastActive('romeo'), clock.now() - 60_000);
  await second.stage.host.removeUser('romeo');
  await second.stage.host.users.create('romeo', PASSWORD);
  assert.equal(await second.log.getLastActive('romeo'), undefined);
});

test('a thousand logins are one write, which is tried again when it fails', async (t) => {
  const { stage, log } = await open(t);
  let commits = 0;
  const count = (): void => void commits++;
  subscribe('xmpp.commit', count);
  t.after(() => unsubscribe('xmpp.commit', count));
  for (let i = 0; i < 1000; i++) log.loggedIn(`user${i}`, '192.0.2.1');
  stage.store.failNextCommit(new Error('the disk is full'));
  await stage.clock.advance(5000);
  assert.equal(stage.log.records.filter(({ event }) => event === 'task.failed').length, 1);
  await stage.clock.advance(5000);
  assert.ok(commits <= 2, String(commits));
  assert.equal(await log.getLastActive('user999'), stage.clock.now() - 10_000);
});

test('all who have ever logged in are listed with the later of login and logout, what is not written yet included', async (t) => {
  const { stage, log } = await open(t);
  await stage.host.users.create('nurse', PASSWORD);
  const start = stage.clock.now();
  const { phone } = await stage.connected({ phone: 'romeo', laptop: 'juliet' });
  await stage.clock.advance(60_000);
  phone.transport.break();
  log.loggedIn('mercutio', '192.0.2.7');
  const all: (readonly [string, number])[] = [];
  for await (const entry of log.all()) all.push(entry);
  assert.deepEqual(all, [
    ['juliet', start],
    ['mercutio', start + 60_000],
    ['romeo', start + 60_000],
  ]);
});
