import assert from 'node:assert/strict';
import { test } from 'node:test';
import { takeCensus } from '../../src/core/census.ts';
import { exportHost } from '../../src/core/host-metrics.ts';
import { Stage } from '../support/stage.ts';

test('stanzas are counted by kind and direction, of sessions that live and that have ended', async (t) => {
  const stage = await Stage.open(t, { features: [] });
  t.after(exportHost(stage.host, stage.metrics));
  const { alice, bob } = await stage.online({ alice: 'alice', bob: 'bob' });
  await alice.sends('<message to="bob@stage.example/bob"><body>1</body></message>');
  await alice.sends('<message to="bob@stage.example/bob"><body>2</body></message>');
  const before = await stage.metrics.text();
  assert.match(before, /^parley_stanzas_total\{host="stage.example",kind="message",direction="in"\} 2$/m);
  assert.match(before, /^parley_stanzas_total\{host="stage.example",kind="message",direction="out"\} 2$/m);
  assert.match(before, /^parley_sessions\{host="stage.example",state="connected"\} 2$/m);
  assert.match(before, /^parley_users_online\{host="stage.example"\} 2$/m);

  bob.transport.break();
  const after = await stage.metrics.text();
  assert.match(after, /^parley_stanzas_total\{host="stage.example",kind="message",direction="out"\} 2$/m);
  assert.match(after, /^parley_sessions\{host="stage.example",state="connected"\} 1$/m);
});

test('a census counts what waits in outboxes and lanes, and who has the most', async (t) => {
  const stage = await Stage.open(t, { features: [] });
  const { alice } = await stage.connected({ alice: 'alice', desk: 'alice' });
  const account = stage.host.account('alice');
  assert.ok(account);
  let open = (): void => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  account.lane.push(() => gate);
  for (let i = 0; i < 3; i++) account.lane.push(() => {});
  await alice.sends('<message to="alice@stage.example/desk"><body>waits</body></message>');
  const census = takeCensus(stage.host.accounts.values());
  assert.deepEqual(
    { users: census.users, connected: census.connected, items: census.laneItems, longest: census.longestLane },
    { users: 1, connected: 2, items: 4, longest: 4 },
  );
  open();
});

test('logins on pages are counted by their outcome', async (t) => {
  const stage = await Stage.open(t, { features: [] });
  t.after(exportHost(stage.host, stage.metrics));
  const user = await stage.host.users.create('alice', 'correct horse');
  const form = { username: 'alice', address: '192.0.2.1' };
  await stage.host.logins.password({ ...form, password: 'correct horse' });
  stage.host.logins.succeeded(user.jid, form.address);
  for (let i = 0; i < 2; i++) await assert.rejects(stage.host.logins.password({ ...form, password: 'wrong' }));
  const text = await stage.metrics.text();
  assert.match(text, /^parley_logins_total\{host="stage.example",method="form",outcome="succeeded"\} 1$/m);
  assert.match(text, /^parley_logins_total\{host="stage.example",method="form",outcome="not-authorized"\} 2$/m);
});
