import assert from 'node:assert/strict';
import { test } from 'node:test';
import { commandsOn } from '../../../src/admin/commands/all.ts';
import { execute } from '../../../src/core/execute.ts';
import { DOMAIN, type Stage } from '../../support/stage.ts';
import { imported, importedPart } from './portable-scene.ts';
import { JULIET, openStage, ROMEO, search } from './scene.ts';

const DAY_MS = 86_400_000;

/** Runs a command of the operator; returns what is printed. */
async function says(stage: Stage, command: string, args: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const { host, settings, clock, commands } = stage;
  const ground = { version: '1.2.3', hosts: new Map([[DOMAIN, host]]), settings, clock, running: undefined };
  const outcome = await execute(
    commandsOn(ground, commands),
    { command, args: args as Record<string, string> },
    (error) => assert.fail(String(error)),
  );
  return outcome.ok ? outcome.text : `refused: ${outcome.error}`;
}

/** Messages of Romeo to Juliet, one of each of the last days, in both archives: `0` is of so many days ago. */
async function chatted(stage: Stage, days: number): Promise<void> {
  const elements = Array.from({ length: days }, (_, day) => {
    const stamp = new Date(stage.clock.now() - (days - day) * DAY_MS + 1).toISOString();
    return importedPart(String(day), stamp, { from: ROMEO, to: JULIET, body: String(day) });
  });
  for (const local of ['romeo', 'juliet']) assert.equal((await imported(stage, local, elements)).took, days);
}

test('messages are kept for ever unless somebody says otherwise', async (t) => {
  const stage = await openStage(t);
  await stage.connected({ romeo: 'romeo', juliet: 'juliet' });
  await chatted(stage, 1000);
  assert.equal(await says(stage, 'archive prune'), 'No message is older than it is to be kept.');
  assert.match(await says(stage, 'archive show', { jid: JULIET }), /^Messages +1000$/m);
});

test('what is older than the configured days goes, of all archives, and what goes is logged', async (t) => {
  const stage = await openStage(t, { config: { features: { mam: { keepDays: 3 } } } });
  await stage.connected({ romeo: 'romeo', juliet: 'juliet' });
  await chatted(stage, 60);
  // The next round of the work that repeats.
  await stage.clock.advance(DAY_MS / 4);
  const { juliet, again } = await stage.connected({ juliet: 'juliet', again: 'romeo' });
  for (const client of [juliet, again]) {
    const { bodies, count, index } = await search(client);
    assert.deepEqual([bodies, count, index], [['58', '59'], 2, 0]);
    const conversation = await search(client, { fields: { with: client === juliet ? ROMEO : JULIET } });
    assert.deepEqual([conversation.bodies, conversation.count, conversation.index], [['58', '59'], 2, 0]);
  }
  const pruned = stage.log.records.filter(({ event }) => event === 'mam.pruned');
  assert.deepEqual(
    pruned.map(({ fields }) => ({ jid: fields['jid'], messages: fields['messages'] })),
    [
      { jid: JULIET, messages: 58 },
      { jid: ROMEO, messages: 58 },
    ],
  );
});

test('a host may keep messages for another time than the others', async (t) => {
  const config = { hosts: { [DOMAIN]: { archiveDays: 2 } }, features: { mam: { keepDays: 50 } } };
  const stage = await openStage(t, { config });
  await stage.connected({ romeo: 'romeo', juliet: 'juliet' });
  await chatted(stage, 60);
  assert.match(await says(stage, 'archive show', { jid: JULIET }), /Kept +for 2 days$/);
  assert.match(await says(stage, 'archive prune', { jid: JULIET }), new RegExp(`${JULIET} +58 `));
});

test('an operator sees what would go before it goes, and sets the rule of one account', async (t) => {
  const stage = await openStage(t);
  await stage.connected({ romeo: 'romeo', juliet: 'juliet' });
  await chatted(stage, 5);
  assert.match(await says(stage, 'archive show', { jid: JULIET }), /^Messages +5\nFirst .*\nLast .*\nKept +for ever$/);
  assert.match(await says(stage, 'archive keep', { jid: JULIET, days: 2 }), /Kept +for 2 days, as set for this user$/);
  assert.match(await says(stage, 'archive keep', { jid: ROMEO, days: 1 }), /Kept +for 1 day, as set for this user$/);
  await says(stage, 'archive keep', { jid: ROMEO });
  const preview = await says(stage, 'archive prune', { 'dry-run': true });
  assert.match(preview, /WOULD BE REMOVED/);
  assert.match(preview, new RegExp(`${JULIET} +3 `));
  assert.doesNotMatch(preview, new RegExp(ROMEO));
  assert.match(await says(stage, 'archive show', { jid: JULIET }), /^Messages +5$/m);
  assert.match(await says(stage, 'archive prune'), new RegExp(`${JULIET} +3 `));
  assert.match(await says(stage, 'archive show', { jid: JULIET }), /^Messages +2$/m);
  assert.match(await says(stage, 'archive show', { jid: ROMEO }), /^Messages +5$/m);
  assert.match(
    await says(stage, 'archive keep', { jid: JULIET, forever: true }),
    /Kept +for ever, as set for this user$/,
  );
  assert.match(await says(stage, 'archive keep', { jid: JULIET }), /Kept +for ever$/);
  assert.match(await says(stage, 'archive prune', { jid: ROMEO, 'older-than': 1 }), new RegExp(`${ROMEO} +4 `));
  assert.match(await says(stage, 'archive show', { jid: JULIET }), /^Messages +2$/m);
});

test('what does not make sense is refused', async (t) => {
  const stage = await openStage(t);
  await stage.host.users.create('juliet', 'correct horse');
  assert.equal(
    await says(stage, 'archive show', { jid: `nobody@${DOMAIN}` }),
    `refused: there is no user nobody@${DOMAIN}`,
  );
  assert.match(await says(stage, 'archive keep', { jid: JULIET, days: 2, forever: true }), /^refused: choose/);
});
