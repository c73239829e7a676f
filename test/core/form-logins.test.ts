import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formLoggedIn } from '../../src/core/points.ts';
import { lastlog as lastlogService } from '../../src/features/lastlog/api.ts';
import { lastlog } from '../../src/features/lastlog/index.ts';
import { DOMAIN, PASSWORD, Stage } from '../support/stage.ts';

const ADDRESS = '192.0.2.7';

test('a form takes a localpart or an address of this host, and the right password', async (t) => {
  const { host } = await Stage.open(t, { features: [] });
  await host.users.create('romeo', PASSWORD);
  for (const username of ['romeo', ' Romeo ', `romeo@${DOMAIN}`, `romeo@${DOMAIN.toUpperCase()}`]) {
    const user = await host.logins.password({ username, password: PASSWORD, address: ADDRESS });
    assert.equal(user.jid.toString(), `romeo@${DOMAIN}`);
  }
});

test('a wrong name and a wrong password are not told apart', async (t) => {
  const { host } = await Stage.open(t, { features: [] });
  await host.users.create('romeo', PASSWORD);
  for (const username of ['romeo', 'nobody', '', 'romeo@elsewhere.example', '"', 'a'.repeat(2000)]) {
    const login = host.logins.password({ username, password: 'wrong', address: ADDRESS });
    await assert.rejects(login, { name: 'SaslError', condition: 'not-authorized' }, username);
  }
});

test('a disabled account is refused only to whoever has its password', async (t) => {
  const { host } = await Stage.open(t, { features: [] });
  await host.users.create('romeo', PASSWORD);
  await host.users.setDisabled('romeo', true);
  const login = (password: string) => host.logins.password({ username: 'romeo', password, address: ADDRESS });
  await assert.rejects(login('wrong'), { condition: 'not-authorized' });
  await assert.rejects(login(PASSWORD), { condition: 'account-disabled' });
});

test('whoever is in is announced, and counts as a login of the account', async (t) => {
  const { host } = await Stage.open(t, { features: [lastlog] });
  const { jid } = await host.users.create('romeo', PASSWORD);
  const seen: string[] = [];
  host.topics.observe('test', formLoggedIn, (event) => void seen.push(`${event.jid} ${event.address}`));
  host.logins.succeeded(jid, ADDRESS);
  assert.deepEqual(seen, [`romeo@${DOMAIN} ${ADDRESS}`]);
  const log = await host.services.use(lastlogService).of('romeo');
  assert.equal(log?.login?.at, host.clock.now());
});

test('whoever comes with a password while it is changed is not let in by the one before', async (t) => {
  const { host, clock } = await Stage.open(t, { features: [] });
  await host.users.create('romeo', PASSWORD);
  const verify = host.users.verifyPassword.bind(host.users);
  host.users.verifyPassword = async (username, password) => {
    const isRight = await verify(username, password);
    await clock.advance(1);
    await host.users.setPassword('romeo', 'another');
    return isRight;
  };
  const login = host.logins.password({ username: 'romeo', password: PASSWORD, address: ADDRESS });
  await assert.rejects(login, { condition: 'not-authorized' });
});
