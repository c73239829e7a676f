import assert from 'node:assert/strict';
import { test } from 'node:test';
import { reports as reportsService } from '../../../src/features/blocking/api.ts';
import { blocking } from '../../../src/features/blocking/index.ts';
import { disco } from '../../../src/features/disco/index.ts';
import { attr, children } from '../../../src/xml/element.ts';
import { DOMAIN, PASSWORD, type Stage } from '../../support/stage.ts';
import type { StageClient } from '../../support/stage-client.ts';
import { blocked, command, NS, open, push } from './scene.ts';

const ROMEO = 'romeo@example.net';
const SPAM = 'urn:xmpp:reporting:spam';

function withReport(jid: string, attributes = `reason='${SPAM}'`, content = ''): string {
  return `<item jid='${jid}'><report xmlns='urn:xmpp:reporting:1' ${attributes}>${content}</report></item>`;
}

async function report(client: StageClient, ...items: readonly string[]): Promise<void> {
  assert.equal(await client.set(`<block xmlns='${NS}'>${items.join('')}</block>`), undefined);
}

function book({ host }: Stage) {
  return host.services.use(reportsService);
}

async function reported(stage: Stage): Promise<string[]> {
  return (await book(stage).list()).map(({ jid, reporter }) => `${reporter ?? '-'} ${jid}`);
}

test('a report is kept with everything that it says, and its address is blocked', async (t) => {
  const stage = await open(t);
  const { juliet } = await stage.connected({ juliet: 'juliet' });
  await blocked(juliet);
  const ids = ['28482-98726-73623', '38383-38018-18385'];
  const content =
    ids.map((id) => `<stanza-id xmlns='urn:xmpp:sid:0' by='juliet@${DOMAIN}' id='${id}'/>`).join('') +
    "<text xml:lang='en'>\n  Never came trouble to my house like this.\n</text><text>Ärger</text><report-origin/><third-party/>";
  await report(
    juliet,
    withReport('Romeo@example.net', undefined, content),
    withReport('iago@example.net'),
    "<item jid='a.example'/>",
  );
  assert.deepEqual(await blocked(juliet), [ROMEO, 'iago@example.net', 'a.example']);
  const [first, second, third] = await book(stage).list();
  assert.deepEqual(first, {
    id: first?.id,
    at: stage.clock.now(),
    jid: ROMEO,
    reporter: 'juliet',
    reason: SPAM,
    texts: [
      { lang: 'en', text: 'Never came trouble to my house like this.' },
      { lang: undefined, text: 'Ärger' },
    ],
    stanzaIds: ids.map((id) => ({ by: `juliet@${DOMAIN}`, id })),
    allowsOrigin: true,
    allowsThirdParties: true,
  });
  assert.equal(second?.jid, 'iago@example.net');
  assert.deepEqual([second.texts, second.stanzaIds, second.allowsOrigin], [[], [], false]);
  assert.equal(third, undefined);
  // Other resources are told whom the user blocks, and not why.
  await juliet.receives(push(juliet, command('block', ROMEO, 'iago@example.net', 'a.example')));
});

test('whom a user has blocked already can be reported, too', async (t) => {
  const stage = await open(t);
  const { juliet } = await stage.connected({ juliet: 'juliet' });
  await report(juliet, `<item jid='${ROMEO}'/>`);
  await report(juliet, withReport(ROMEO));
  assert.deepEqual(await blocked(juliet), [ROMEO]);
  assert.deepEqual(await reported(stage), [`juliet ${ROMEO}`]);
});

test('a block is granted whatever is wrong with its report', async (t) => {
  const stage = await open(t);
  const { juliet } = await stage.connected({ juliet: 'juliet' });
  await report(juliet, withReport(ROMEO, ''));
  await report(juliet, withReport('iago@example.net', "reason=''"));
  assert.deepEqual(await reported(stage), []);
  await report(juliet, withReport('a.example', "reason='because'", '<text/><stanza-id/><odd xmlns="urn:example"/>'));
  assert.deepEqual(await blocked(juliet), [ROMEO, 'iago@example.net', 'a.example']);
  assert.deepEqual(await reported(stage), ['juliet a.example']);
});

test('a block that is refused leaves no report', async (t) => {
  const stage = await open(t);
  const { juliet } = await stage.connected({ juliet: 'juliet' });
  const self = `<block xmlns='${NS}'>${withReport(`juliet@${DOMAIN}`)}</block>`;
  assert.equal(await juliet.refused('set', self), 'not-allowed');
  stage.store.failNextCommit(new Error('disk full'));
  const item = `<block xmlns='${NS}'>${withReport(ROMEO)}</block>`;
  assert.equal(await juliet.refused('set', item), 'internal-server-error');
  assert.deepEqual(await blocked(juliet), []);
  assert.deepEqual(await reported(stage), []);
  assert.equal(await juliet.set(item), undefined);
  assert.deepEqual(await reported(stage), [`juliet ${ROMEO}`]);
});

test('an unblock takes no reports', async (t) => {
  const stage = await open(t);
  const { juliet } = await stage.connected({ juliet: 'juliet' });
  assert.equal(await juliet.set(`<unblock xmlns='${NS}'>${withReport(ROMEO)}</unblock>`), undefined);
  assert.deepEqual(await reported(stage), []);
});

test('a report is bounded: what goes beyond is cut off', async (t) => {
  const stage = await open(t);
  const { juliet } = await stage.connected({ juliet: 'juliet' });
  const content =
    `<text>${'a'.repeat(3000)}</text>`.repeat(7) +
    `<stanza-id xmlns='urn:xmpp:sid:0' by='${'b'.repeat(300)}' id='${'c'.repeat(300)}'/>`.repeat(70);
  await report(juliet, withReport(ROMEO, `reason='${'r'.repeat(300)}'`, content));
  const [kept] = await book(stage).list();
  assert.equal(kept?.reason.length, 256);
  assert.deepEqual(
    kept.texts.map(({ text }) => text.length),
    Array(5).fill(2048),
  );
  assert.equal(kept.stanzaIds.length, 50);
  assert.deepEqual([kept.stanzaIds[0]?.by.length, kept.stanzaIds[0]?.id.length], [256, 256]);
});

test('beyond the limits the oldest reports give way, first the own ones, and are counted', async (t) => {
  const stage = await open(t, { config: { features: { blocking: { reports: 4, reportsPerAccount: 2 } } } });
  const { juliet, nurse, romeo } = await stage.connected({ juliet: 'juliet', nurse: 'nurse', romeo: 'romeo' });
  for (const [client, jid] of [
    [juliet, 'a.example'],
    [nurse, 'b.example'],
    [juliet, 'c.example'],
    [juliet, 'd.example'],
  ] as const) {
    await report(client, withReport(jid));
  }
  assert.deepEqual(await reported(stage), ['nurse b.example', 'juliet c.example', 'juliet d.example']);
  assert.equal(await book(stage).dropped(), 1);
  await report(romeo, withReport('e.example'), withReport('f.example'), withReport('g.example'));
  assert.deepEqual(await reported(stage), [
    'juliet c.example',
    'juliet d.example',
    'romeo f.example',
    'romeo g.example',
  ]);
  assert.equal(await book(stage).dropped(), 3);
  assert.deepEqual(await blocked(romeo), ['e.example', 'f.example', 'g.example']);
});

test('limits hold across a restart, and so does the count', async (t) => {
  const config = { features: { blocking: { reports: 2, reportsPerAccount: 2 } } };
  const before = await open(t, { config });
  const { juliet } = await before.connected({ juliet: 'juliet' });
  await report(juliet, withReport('a.example'), withReport('b.example'));
  await report(juliet, withReport('c.example'));
  await before.close();
  const after = await open(t, { config, store: before.store, clock: before.clock });
  const { phone } = await after.connected({ phone: 'juliet' });
  await report(phone, withReport('d.example'));
  assert.deepEqual(await reported(after), ['juliet c.example', 'juliet d.example']);
  assert.equal(await book(after).dropped(), 2);
});

test('without room for reports none is taken, and none is asked for', async (t) => {
  const config = { features: { blocking: { reports: 0 } } };
  const stage = await open(t, { features: [blocking, disco], config });
  const { juliet } = await stage.connected({ juliet: 'juliet' });
  await report(juliet, withReport(ROMEO));
  assert.deepEqual(await blocked(juliet), [ROMEO]);
  assert.deepEqual(await reported(stage), []);
  const info = await juliet.get("<query xmlns='http://jabber.org/protocol/disco#info'/>", DOMAIN);
  assert.ok(info);
  const features = children(info, 'feature').map((feature) => attr(feature, 'var'));
  assert.ok(features.includes(NS) && !features.includes('urn:xmpp:reporting:1'));
});

test('the reports of an account that is removed stay without its name', async (t) => {
  const stage = await open(t);
  const { juliet, nurse } = await stage.connected({ juliet: 'juliet', nurse: 'nurse' });
  await report(juliet, withReport('a.example', undefined, '<text>why</text>'));
  await report(nurse, withReport(`juliet@${DOMAIN}`));
  await stage.host.removeUser('juliet');
  assert.deepEqual(await reported(stage), ['- a.example', `nurse juliet@${DOMAIN}`]);
  assert.equal((await book(stage).list())[0]?.texts[0]?.text, 'why');
  await stage.host.users.create('juliet', PASSWORD);
  const { phone } = await stage.connected({ phone: 'juliet' });
  await report(phone, withReport('b.example'));
  assert.deepEqual(await reported(stage), ['- a.example', `nurse juliet@${DOMAIN}`, 'juliet b.example']);
});

test('reports of earlier times are there, and lose the name of their account, where none is taken any more', async (t) => {
  const before = await open(t);
  const { juliet } = await before.connected({ juliet: 'juliet' });
  await report(juliet, withReport('a.example'));
  await before.close();
  const config = { features: { blocking: { reports: 0 } } };
  const after = await open(t, { config, store: before.store, clock: before.clock });
  assert.deepEqual(await reported(after), ['juliet a.example']);
  await after.host.removeUser('juliet');
  assert.deepEqual(await reported(after), ['- a.example']);
});

test('a report is shown and removed by its identifier', async (t) => {
  const stage = await open(t);
  const { juliet } = await stage.connected({ juliet: 'juliet' });
  await report(juliet, withReport('a.example'), withReport('b.example'));
  const [first] = await book(stage).list();
  assert.ok(first);
  assert.equal((await book(stage).get(first.id))?.jid, 'a.example');
  assert.equal(await book(stage).remove(first.id), true);
  assert.equal(await book(stage).remove(first.id), false);
  assert.equal(await book(stage).get(first.id), undefined);
  assert.deepEqual(await reported(stage), ['juliet b.example']);
});

test('the log tells of a report who is meant, and neither why nor by whom', async (t) => {
  const stage = await open(t);
  const { juliet } = await stage.connected({ juliet: 'juliet' });
  await report(juliet, withReport(ROMEO, undefined, '<text>secret words</text>'));
  const line = stage.log.records.find(({ event }) => event === 'report.received');
  assert.ok(line);
  assert.ok(JSON.stringify(line).includes(ROMEO));
  assert.ok(!/secret|juliet/.test(JSON.stringify(line)));
});
