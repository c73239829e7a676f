import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { reportList, reportRemove, reportShow } from '../../src/admin/commands/report.ts';
import type { BuiltIn, CommandGround } from '../../src/admin/ground.ts';
import { type Arguments, CommandError, type Json } from '../../src/core/commands.ts';
import { blocking } from '../../src/features/blocking/index.ts';
import { DOMAIN, Stage } from '../support/stage.ts';

const SPAM = 'urn:xmpp:reporting:spam';

async function scene(t: TestContext, options: Readonly<Record<string, unknown>> = {}) {
  const stage = await Stage.open(t, { features: [blocking], config: { features: { blocking: options } } });
  const ground: CommandGround = {
    version: '1.2.3',
    hosts: new Map([[DOMAIN, stage.host]]),
    settings: stage.settings,
    clock: stage.clock,
    running: undefined,
  };
  const { alice } = await stage.connected({ alice: 'alice' });
  return {
    stage,
    answer: async <A extends Json>(command: BuiltIn<A>, args: Arguments = {}): Promise<A> => command.run(args, ground),
    says: async <A extends Json>(command: BuiltIn<A>, args: Arguments = {}): Promise<string> =>
      command.show?.(await command.run(args, ground)) ?? '',
    report: async (jid: string, content = ''): Promise<void> => {
      const report = `<report xmlns='urn:xmpp:reporting:1' reason='${SPAM}'>${content}</report>`;
      await alice.set(`<block xmlns='urn:xmpp:blocking'><item jid='${jid}'>${report}</item></block>`);
      await stage.clock.advance(1000);
    },
  };
}

test('reports are listed, the latest first; without any that is said', async (t) => {
  const { stage, answer, says, report } = await scene(t);
  assert.equal(await says(reportList), 'No reports.');
  const at = new Date(stage.clock.now()).toISOString();
  await report('mallory@evil.test');
  await report('other@evil.test/phone');
  const { reports, more, dropped } = await answer(reportList);
  assert.deepEqual([more, dropped], [false, 0]);
  assert.deepEqual(
    reports.map(({ jid }) => jid),
    ['other@evil.test/phone', 'mallory@evil.test'],
  );
  const [, first] = reports;
  assert.equal(first?.at, at);
  const [heading, , line] = (await says(reportList)).split('\n');
  assert.match(heading ?? '', /^ID +TIME +REPORTED +REASON +REPORTER$/);
  assert.match(line ?? '', new RegExp(`^${first.id} +${at} +mallory@evil.test +${SPAM} +alice@${DOMAIN}$`));
});

test('a list can be of one address, account or domain, and short', async (t) => {
  const { answer, says, report } = await scene(t);
  for (const jid of ['a@evil.test/phone', 'b@evil.test', 'evil.test', 'a@other.test']) await report(jid);
  const about = async (jid: string): Promise<string[]> =>
    (await answer(reportList, { jid })).reports.map((found) => found.jid);
  assert.deepEqual(await about('evil.test'), ['evil.test', 'b@evil.test', 'a@evil.test/phone']);
  assert.deepEqual(await about('A@evil.test'), ['a@evil.test/phone']);
  assert.deepEqual(await about('b@evil.test/phone'), []);
  const { reports, more } = await answer(reportList, { limit: 1 });
  assert.deepEqual([reports.length, reports[0]?.jid, more], [1, 'a@other.test', true]);
  assert.match(await says(reportList, { limit: 1 }), /\nThere are more\.$/);
  await assert.rejects(about('@@'), CommandError);
});

test('the list says how many reports gave way to later ones', async (t) => {
  const { answer, says, report } = await scene(t, { reports: 1 });
  await report('a.test');
  await report('b.test');
  assert.equal((await answer(reportList)).dropped, 1);
  assert.match(await says(reportList), /\nSo far 1 gave way to later ones\.$/);
});

test('a report is shown with all that it says, and nothing in it leaves its place on the screen', async (t) => {
  const { answer, says, report } = await scene(t);
  const content =
    "<text xml:lang='en'>Ten\u202eoffers\na day.</text><stanza-id xmlns='urn:xmpp:sid:0' by='a.test' id='7'/><third-party/>";
  await report('mallory@evil.test', content);
  const { reports } = await answer(reportList);
  const id = reports[0]?.id ?? '';
  assert.deepEqual(await answer(reportShow, { id }), reports[0]);
  const lines = (await says(reportShow, { id })).split('\n').map((line) => line.replace(/ {2,}/, ': '));
  assert.deepEqual(lines.slice(2), [
    'Reported: mallory@evil.test',
    `Reason: ${SPAM}`,
    `Reporter: alice@${DOMAIN}`,
    'Text (en): Ten\\u{202e}offers\\u{a}a day.',
    'Message: 7 in the archive of a.test',
    'May be sent to: services that collect reports',
  ]);
});

test('the reporter is not named once the account is removed', async (t) => {
  const { stage, answer, says, report } = await scene(t);
  await report('mallory@evil.test');
  await stage.host.removeUser('alice');
  const [found] = (await answer(reportList)).reports;
  assert.equal(found?.reporter, null);
  assert.match(await says(reportShow, { id: found.id }), /^Reporter +- \(the account is removed\)$/m);
});

test('a report is removed; what is not there is not found', async (t) => {
  const { answer, says, report } = await scene(t);
  await report('mallory@evil.test');
  const id = (await answer(reportList)).reports[0]?.id ?? '';
  assert.equal(await says(reportRemove, { id }), `Removed ${id}.`);
  assert.equal(await says(reportList), 'No reports.');
  for (const command of [reportShow, reportRemove] as const) {
    await assert.rejects(says<Json>(command as BuiltIn<Json>, { id }), new CommandError(`there is no report ${id}`));
  }
});

test('where reports are not kept, that is said', async (t) => {
  const stage = await Stage.open(t, { features: [] });
  const { host, settings, clock } = stage;
  const ground = { version: '1.2.3', hosts: new Map([[DOMAIN, host]]), settings, clock, running: undefined };
  await assert.rejects(
    async () => reportList.run({}, ground),
    new CommandError('no reports are kept here: features.blocking is off'),
  );
});
