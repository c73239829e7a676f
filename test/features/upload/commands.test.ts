import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { commandsOn } from '../../../src/admin/commands/all.ts';
import { execute } from '../../../src/core/execute.ts';
import { adHoc } from '../../../src/features/adhoc/index.ts';
import { disco } from '../../../src/features/disco/index.ts';
import { child, children, type Element, serialize, text } from '../../../src/xml/element.ts';
import { DOMAIN } from '../../support/stage.ts';
import { notesOf, Walk } from '../adhoc/scene.ts';
import { idOf, open, type Scene } from './scene.ts';

const ROMEO = `romeo@${DOMAIN}`;

async function withCommands(t: TestContext) {
  const scene = await open(t, { features: [adHoc, disco] });
  const clients = await scene.stage.connected({ romeo: 'romeo', juliet: 'juliet' });
  return { ...scene, ...clients };
}

function form(answer: Element): Element {
  return child(answer, 'x', 'jabber:x:data') ?? assert.fail(serialize(answer));
}

/** Runs a command as the command line does. */
function runner({ stage }: Scene) {
  const { host, settings, clock, commands: ofFeatures } = stage;
  const ground = { version: '1.2.3', hosts: new Map([[DOMAIN, host]]), settings, clock, running: undefined };
  return (command: string, args: Record<string, string | number>) =>
    execute(commandsOn(ground, ofFeatures), { command, args }, (error) => assert.fail(String(error)));
}

test('users see their files with a command', async (t) => {
  const { romeo, juliet, upload, stage } = await withCommands(t);
  const first = await upload(romeo, 'abcde', { filename: 'first.txt' });
  await stage.clock.advance(1000);
  const second = await upload(romeo, 'abc', { filename: 'second.txt' });
  const answer = await new Walk(romeo, 'urn:parley:own-files').step();
  assert.deepEqual(notesOf(answer), ['info: 2 files take 8 of 2147483648 bytes.']);
  const rows = children(form(answer), 'item').map((item) =>
    children(item, 'field').map((f) => text(child(f, 'value'))),
  );
  assert.deepEqual(rows, [
    ['second.txt', '3', '2026-01-01T00:00:01.000Z', '', second],
    ['first.txt', '5', '2026-01-01T00:00:00.000Z', '', first],
  ]);
  assert.deepEqual(children(form(await new Walk(juliet, 'urn:parley:own-files').step()), 'item'), []);
});

test('users remove some of their files, or the old ones, and nobody else does', async (t) => {
  const { romeo, juliet, upload, stage, http, files } = await withCommands(t);
  const urls: string[] = [];
  for (const filename of ['old', 'middle', 'new']) {
    urls.push(await upload(romeo, 'abcde', { filename }));
    await stage.clock.advance(1000);
  }
  const [old = '', middle = '', young = ''] = urls;
  const theft = new Walk(juliet, 'urn:parley:own-files-remove');
  await theft.step();
  assert.deepEqual(await theft.refused({ files: idOf(old) }), ['modify', 'bad-request', 'bad-payload']);
  assert.equal(await files.remove('juliet', idOf(old)), false);

  const one = new Walk(romeo, 'urn:parley:own-files-remove');
  assert.match(serialize(await one.step()), /middle, 5 bytes, 2026-01-01/);
  assert.deepEqual(notesOf(await one.step({ files: idOf(middle) })), ['info: 1 file was removed']);
  const rest = new Walk(romeo, 'urn:parley:own-files-remove');
  await rest.step();
  assert.deepEqual(notesOf(await rest.step({ 'older-than-days': '1' })), ['info: 0 files were removed']);
  assert.equal((await http('GET', young)).status, 200);
  const all = new Walk(romeo, 'urn:parley:own-files-remove');
  await all.step();
  assert.deepEqual(notesOf(await all.step({ 'older-than-days': '0' })), ['info: 2 files were removed']);
  for (const url of urls) assert.equal((await http('GET', url)).status, 404);
  assert.equal((await files.usage('romeo')).bytes, 0);
});

test('operators see and remove what a user has uploaded', async (t) => {
  const scene = await withCommands(t);
  const { romeo, upload, http } = scene;
  const run = runner(scene);
  const text = async (command: string, args: Record<string, string | number>) => {
    const outcome = await run(command, args);
    return outcome.ok ? outcome.text : outcome.error;
  };
  assert.equal(await text('upload list', { jid: ROMEO }), 'No files.');
  const url = await upload(romeo, 'abcde', { filename: 'a.png', 'content-type': 'image/png' });
  await upload(romeo, 'abc');
  const id = idOf(url);
  assert.match(
    await text('upload list', { jid: ROMEO }),
    new RegExp(`${id}  2026-01-01  never    5      image/png +a.png`),
  );
  assert.match(await text('upload list', { jid: ROMEO, limit: 1 }), /There are more/);
  assert.match(
    await text('upload usage', { jid: ROMEO }),
    /Files +2 of 10000\nSize +0\.1 MiB of 2048\.0 MiB\nToday +0\.1 MiB of 500\.0 MiB/,
  );
  assert.equal(await text('upload remove', { jid: `juliet@${DOMAIN}`, id }), `juliet@${DOMAIN} has no such file`);
  assert.equal(await text('upload remove', { jid: ROMEO, id }), 'Removed the file; its link is dead.');
  assert.equal(await text('upload remove', { jid: ROMEO, id: '../../x' }), `${ROMEO} has no such file`);
  assert.equal((await http('GET', url)).status, 404);
  assert.match(await text('upload list', { jid: DOMAIN }), /names no user/);
  const ghost = `ghost@${DOMAIN}`;
  for (const command of ['upload list', 'upload usage']) {
    assert.equal(await text(command, { jid: ghost }), `there is no user ${ghost}`);
  }
});
