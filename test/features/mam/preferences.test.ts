import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertXml } from '../../support/compare.ts';
import { JULIET, NS_MAM, openStage, ROMEO, search } from './scene.ts';

const prefs = (preference: string, always = '', never = ''): string =>
  `<prefs xmlns="${NS_MAM}" default="${preference}"><always>${always}</always><never>${never}</never></prefs>`;

test('everything is archived unless the account says otherwise, and what it says is kept', async (t) => {
  const stage = await openStage(t);
  const { juliet } = await stage.online({ juliet: 'juliet' });
  const ask = async () => {
    const answer = await juliet.get(`<prefs xmlns="${NS_MAM}"/>`);
    assert.ok(answer);
    return answer;
  };
  assertXml(await ask(), prefs('always'));
  const wanted = prefs('roster', '<jid>Romeo@Stage.example</jid>', '<jid>montague@elsewhere.example</jid>');
  const applied = prefs('roster', `<jid>${ROMEO}</jid>`, '<jid>montague@elsewhere.example</jid>');
  const answer = await juliet.set(wanted);
  assert.ok(answer);
  assertXml(answer, applied);
  assertXml(await ask(), applied);
  await stage.close();
  const after = await openStage(t, { store: stage.store, clock: stage.clock });
  const { again } = await after.online({ again: 'juliet' });
  const kept = await again.get(`<prefs xmlns="${NS_MAM}"/>`);
  assert.ok(kept);
  assertXml(kept, applied);
});

test('a list names an address or all of its resources; never is stronger than always', async (t) => {
  const stage = await openStage(t);
  const { phone, laptop, juliet } = await stage.online({ phone: 'romeo', laptop: 'romeo', juliet: 'juliet' });
  const archived = async (preferences: string): Promise<string[]> => {
    await juliet.set(preferences);
    const before = (await search(juliet, { page: '<max>0</max>' })).count ?? 0;
    await phone.sends(`<message to="${JULIET}"><body>phone</body></message>`);
    await laptop.sends(`<message to="${JULIET}"><body>laptop</body></message>`);
    await juliet.sends(`<message to="${ROMEO}/phone"><body>to phone</body></message>`);
    return [...(await search(juliet)).bodies.slice(before)];
  };
  const everything = ['phone', 'laptop', 'to phone'];
  assert.deepEqual(await archived(prefs('always')), everything);
  assert.deepEqual(await archived(prefs('never')), []);
  assert.deepEqual(await archived(prefs('never', `<jid>${ROMEO}</jid>`)), everything);
  assert.deepEqual(await archived(prefs('never', `<jid>${ROMEO}/laptop</jid>`)), ['laptop']);
  assert.deepEqual(await archived(prefs('always', '', `<jid>${ROMEO}/phone</jid>`)), ['laptop']);
  assert.deepEqual(await archived(prefs('always', `<jid>${ROMEO}</jid>`, `<jid>${ROMEO}</jid>`)), []);
  assert.deepEqual(await archived(prefs('roster')), []);
  await juliet.set(`<query xmlns="jabber:iq:roster"><item jid="${ROMEO}"/></query>`);
  assert.deepEqual(await archived(prefs('roster')), everything);
});

test("one account's preferences do not touch another's archive", async (t) => {
  const stage = await openStage(t);
  const { romeo, juliet } = await stage.online({ romeo: 'romeo', juliet: 'juliet' });
  await juliet.set(prefs('never'));
  await romeo.sends(`<message to="${JULIET}"><body>hi</body></message>`);
  assert.deepEqual((await search(juliet)).bodies, []);
  assert.deepEqual((await search(romeo)).bodies, ['hi']);
});

test('preferences with nonsense are refused, and change nothing', async (t) => {
  const stage = await openStage(t);
  const { juliet } = await stage.online({ juliet: 'juliet' });
  const many = Array.from({ length: 1001 }, (_, i) => `<jid>u${i}@elsewhere.example</jid>`).join('');
  assert.equal(await juliet.refused('set', prefs('sometimes')), 'bad-request');
  assert.equal(await juliet.refused('set', `<prefs xmlns="${NS_MAM}"/>`), 'bad-request');
  assert.equal(await juliet.refused('set', prefs('always', '<jid>@@</jid>')), 'jid-malformed');
  assert.equal(await juliet.refused('set', prefs('always', many)), 'policy-violation');
  const answer = await juliet.get(`<prefs xmlns="${NS_MAM}"/>`);
  assert.ok(answer);
  assertXml(answer, prefs('always'));
});
