import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { commandsOn } from '../../../src/admin/commands/all.ts';
import { type Command, CommandError } from '../../../src/core/commands.ts';
import { lastlog } from '../../../src/features/lastlog/index.ts';
import { attr, child, children, type Element, text } from '../../../src/xml/element.ts';
import { assertXml } from '../../support/compare.ts';
import { DOMAIN, PASSWORD } from '../../support/stage.ts';
import { NS, notesOf, openStage, Walk } from './scene.ts';

const JULIET = `juliet@${DOMAIN}`;
const ITEMS = `<query xmlns="http://jabber.org/protocol/disco#items" node="${NS}"/>`;
const ADMIN = 'http://jabber.org/protocol/admin';

async function scene(t: TestContext, ofFeatures: readonly Command[] = []) {
  const stage = await openStage(t, [lastlog]);
  const { settings, clock, host } = stage;
  const hosts = new Map([[DOMAIN, host]]);
  const ground = { version: '1.2.3', hosts, settings, clock, running: undefined };
  stage.commands.unshift(...commandsOn(ground, ofFeatures));
  const { nurse, romeo } = await stage.connected({ nurse: 'nurse', romeo: 'romeo' });
  const walk = (node: string) => new Walk(nurse, node, DOMAIN);
  return { stage, nurse, romeo, walk };
}

/** The values of a form's fields by their names. */
function fieldsOf(answer: Element): Record<string, string[]> {
  const form = child(answer, 'x', 'jabber:x:data');
  assert.ok(form);
  const entries = children(form, 'field').map((field) => [
    attr(field, 'var') ?? '',
    children(field, 'value').map((value) => text(value)),
  ]);
  return Object.fromEntries(entries);
}

function form(fields: Readonly<Record<string, readonly string[]>>): string {
  const inside = Object.entries(fields).map(
    ([name, values]) => `<field var="${name}">${values.map((value) => `<value>${value}</value>`).join('')}</field>`,
  );
  return `<x xmlns="jabber:x:data" type="submit">${inside.join('')}</x>`;
}

test('administrators find every command of operators, others none', async (t) => {
  const { nurse, romeo } = await scene(t);
  const items = children((await nurse.get(ITEMS, DOMAIN)) as Element, 'item');
  const names = Object.fromEntries(items.map((item) => [attr(item, 'node'), attr(item, 'name')]));
  assert.equal(names['urn:parley:user-add'], 'Adds a user');
  assert.equal(
    names['urn:parley:status'],
    'Shows how the server does: addresses, certificates, sessions, accounts, memory',
  );
  assert.equal(names[`${ADMIN}#add-user`], 'Add User');
  const others = children((await romeo.get(ITEMS, DOMAIN)) as Element, 'item').map((item) => attr(item, 'node'));
  assert.deepEqual(others, ['urn:parley:account-password']);
});

test('the parameters of a command are the fields of its form', async (t) => {
  const { walk } = await scene(t);
  assertXml(
    await walk('urn:parley:user-add').step(),
    `<command xmlns="${NS}" sessionid="*" node="urn:parley:user-add" status="executing" xml:lang="en">
       <actions execute="complete"><complete/></actions>
       <x xmlns="jabber:x:data" type="form">
         <title>user add</title><instructions>Adds a user.</instructions>
         <field var="jid" type="jid-single" label="The user: alice@example.org"><required/></field>
         <field var="password" type="text-private" label="The password"/>
         <field var="generate" type="boolean" label="Make a random password and print it, instead of asking for one"/>
         <field var="admin" type="boolean" label="Make the user an administrator"/>
       </x>
     </command>`,
  );
  const list = await walk('urn:parley:user-list').step();
  const limit = children(child(list, 'x', 'jabber:x:data') as Element, 'field').at(-1) as Element;
  assertXml(
    child(limit, 'validate', 'http://jabber.org/protocol/xdata-validate') as Element,
    `<validate xmlns="http://jabber.org/protocol/xdata-validate" datatype="xs:integer">
       <range min="1" max="${Number.MAX_SAFE_INTEGER}"/>
     </validate>`,
  );
});

test('a user is added, with the answer in words and in fields', async (t) => {
  const { stage, walk } = await scene(t);
  const add = walk('urn:parley:user-add');
  await add.step();
  const answer = await add.step({ jid: JULIET, password: 'wherefore art', admin: 'true' });
  assert.deepEqual(notesOf(answer), [`info: Added ${JULIET}.`]);
  assert.deepEqual(fieldsOf(answer), { jid: [JULIET] });
  assert.equal((await stage.host.users.get('juliet'))?.role, 'admin');
  const juliet = stage.connect('balcony');
  await juliet.logIn('juliet', 'wherefore art');
});

test('what a command refuses is an error in a note, and a secret that is missing is said', async (t) => {
  const { stage, walk } = await scene(t);
  const refusals = [
    [{ jid: `romeo@${DOMAIN}`, password: 'secret' }, `error: there is a user romeo@${DOMAIN} already`],
    [{ jid: JULIET }, 'error: "user add" needs password'],
    [
      { jid: 'juliet@elsewhere.example', generate: '1' },
      `error: elsewhere.example is not served here; the hosts are: ${DOMAIN}`,
    ],
  ] as const;
  for (const [fields, text] of refusals) {
    const add = walk('urn:parley:user-add');
    await add.step();
    assert.deepEqual(notesOf(await add.step(fields)), [text]);
  }
  assert.equal(await stage.host.users.exists('juliet'), false);
  assert.ok(!stage.log.records.some((record) => JSON.stringify(record).includes('secret')));
});

test('a list is a table', async (t) => {
  const { walk } = await scene(t);
  const list = walk('urn:parley:user-list');
  await list.step();
  const answer = await list.step({ limit: '1' });
  const x = child(answer, 'x', 'jabber:x:data') as Element;
  assert.deepEqual(fieldsOf(answer), { more: ['true'] });
  const columns = children(child(x, 'reported') as Element, 'field').map((field) => attr(field, 'var'));
  assert.deepEqual(columns, ['jid', 'createdAt', 'role', 'disabled', 'sessions']);
  assert.deepEqual(
    children(x, 'item').map((item) => text(child(children(item, 'field')[0] as Element, 'value'))),
    [`nurse@${DOMAIN}`],
  );
});

test('what is neither a table nor short is told as the command line does', async (t) => {
  const command: Command = {
    name: 'house show',
    summary: 'Shows the house.',
    parameters: [],
    run: () => ({ rooms: [{ doors: [{ open: true }] }], gardens: { front: null } }),
    show: () => 'HALL\n1 door\nopen\n\nGARDEN',
  };
  const { walk } = await scene(t, [command]);
  const answer = await walk('urn:parley:house-show').step();
  assert.deepEqual(fieldsOf(answer), { answer: ['HALL', '1 door', 'open', '', 'GARDEN'] });
});

test('a command that works on files of the machine is not offered', async (t) => {
  const command: Command = {
    name: 'house burn',
    summary: 'Burns it.',
    parameters: [],
    needsMachine: true,
    run: () => assert.fail('it was run'),
  };
  const { walk } = await scene(t, [command]);
  assert.deepEqual(await walk('urn:parley:house-burn').refused(), ['cancel', 'item-not-found']);
});

test('of two commands of one name the first is the one that runs', async (t) => {
  const command = (answer: string): Command => ({
    name: 'which',
    summary: 'Says which.',
    parameters: [],
    run: () => answer,
  });
  const { walk } = await scene(t, [command('first'), command('second')]);
  assert.deepEqual(notesOf(await walk('urn:parley:which').step()), ['info: "first"']);
});

test('a fault of a command is a bug and tells the client nothing', async (t) => {
  const command: Command = {
    name: 'fall',
    summary: 'Falls.',
    parameters: [],
    run() {
      throw new Error('the floor is wet');
    },
  };
  const { stage, walk } = await scene(t, [command]);
  assert.deepEqual(await walk('urn:parley:fall').refused(), ['cancel', 'internal-server-error']);
  assert.equal(stage.bugs().length, 1);
});

test('who runs a command that takes long is told that it goes on, and the log says when it has ended', async (t) => {
  const runs: { readonly end: () => void; readonly fail: (error: Error) => void }[] = [];
  let begun = () => {};
  const command: Command = {
    name: 'house build',
    summary: 'Builds a house.',
    parameters: [],
    run: () =>
      new Promise<string>((resolve, reject) => {
        runs.push({ end: () => resolve('It stands.'), fail: reject });
        begun();
      }),
  };
  const { stage, walk } = await scene(t, [command]);
  const node = 'urn:parley:house-build';
  const build = async () => {
    const hasBegun = new Promise<void>((resolve) => {
      begun = resolve;
    });
    const answer = walk(node).step();
    await hasBegun;
    await stage.clock.advance(stage.settings.current.limits.timeouts.iqMs / 3);
    return notesOf(await answer);
  };
  const logged = async (event: string) => {
    await stage.clock.advance(1);
    return stage.log.records.filter((record) => record.event === event).length;
  };
  assert.match((await build())[0] ?? '', /^info: This takes long and goes on/);
  assert.deepEqual(notesOf(await walk(node).step()), ['error: it still goes on from before; wait until it has ended']);
  assert.equal(await logged('adhoc.ended'), 0);
  runs[0]?.end();
  assert.equal(await logged('adhoc.ended'), 1);
  await build();
  runs[1]?.fail(new CommandError('no bricks'));
  assert.equal(await logged('adhoc.refused'), 1);
  assert.deepEqual(stage.bugs(), []);
  await build();
  runs[2]?.fail(new Error('the floor is wet'));
  assert.equal(await logged('bug'), 1);
  assert.equal(stage.bugs().length, 1);
  assert.equal(runs.length, 3);
});

test('a long list is cut, and that is said: too much at once would end the session', async (t) => {
  const rows = Array.from({ length: 1001 }, (_, row) => ({ row }));
  const base = { summary: 'Counts.', parameters: [] };
  const commands: Command[] = [
    { ...base, name: 'count rows', run: () => ({ rows }) },
    {
      ...base,
      name: 'count lines',
      run: () => [{ rows }],
      show: () => rows.map(({ row }) => `line ${row}`).join('\n'),
    },
  ];
  const { walk } = await scene(t, commands);
  const note = ['warn: Only the first 1000 of 1001 are shown; the command line shows all.'];
  const table = await walk('urn:parley:count-rows').step();
  assert.equal(children(child(table, 'x', 'jabber:x:data') as Element, 'item').length, 1000);
  assert.deepEqual(notesOf(table), note);
  const lines = await walk('urn:parley:count-lines').step();
  assert.equal(fieldsOf(lines)['answer']?.length, 1000);
  assert.deepEqual(notesOf(lines), note);
});

test('of several accounts, those that are done are told as well as the one that is refused', async (t) => {
  const { nurse, walk } = await scene(t);
  const notesFor = async (node: string, ...accountjids: string[]) => {
    const start = walk(`${ADMIN}#${node}`);
    await start.step();
    const inside = form({ accountjids });
    const xml = `<command xmlns="${NS}" node="${ADMIN}#${node}" sessionid="${start.id}">${inside}</command>`;
    return notesOf((await nurse.set(xml, DOMAIN)) as Element);
  };
  const ghost = `ghost@${DOMAIN}`;
  const romeo = `romeo@${DOMAIN}`;
  assert.deepEqual(await notesFor('get-user-lastlogin', romeo, ghost), [`error: ${ghost}: No record found`]);
  const notes = await notesFor('delete-user', romeo, ghost, `nurse@${DOMAIN}`);
  const removed = `info: Removed ${romeo} and everything that was kept for it.`;
  assert.deepEqual(notes, [removed, `error: there is no user ${ghost}`]);
});

test('users are added, changed and removed as XEP-0133 has it', async (t) => {
  const { stage, nurse, walk } = await scene(t);
  const add = walk(`${ADMIN}#add-user`);
  assert.deepEqual(fieldsOf(await add.step())['FORM_TYPE'], [ADMIN]);
  const wrong = await add.step({ FORM_TYPE: ADMIN, accountjid: JULIET, password: 'one', 'password-verify': 'two' });
  assert.deepEqual(notesOf(wrong), ['error: the passwords are not the same']);
  const again = walk(`${ADMIN}#add-user`);
  await again.step();
  const fields = {
    FORM_TYPE: ADMIN,
    accountjid: JULIET,
    password: 'one',
    'password-verify': 'one',
    email: 'j@example.org',
  };
  assert.deepEqual(notesOf(await again.step(fields)), [`info: Added ${JULIET}.`]);
  const change = walk(`${ADMIN}#change-user-password`);
  await change.step();
  await change.step({ accountjid: JULIET, password: 'three' });
  await stage.connect('balcony').logIn('juliet', 'three');
  const remove = walk(`${ADMIN}#delete-user`);
  await remove.step();
  const xml = `<command xmlns="${NS}" node="${ADMIN}#delete-user" sessionid="${remove.id}">${form({
    accountjids: [JULIET, `romeo@${DOMAIN}`],
  })}</command>`;
  assert.equal(notesOf((await nurse.set(xml, DOMAIN)) as Element).length, 2);
  for (const user of ['juliet', 'romeo']) assert.equal(await stage.host.users.exists(user), false);
});

test('sessions are ended as XEP-0133 has it', async (t) => {
  const { romeo, walk } = await scene(t);
  const end = walk(`${ADMIN}#end-user-session`);
  await end.step();
  await end.step({ accountjids: romeo.jid });
  await romeo.isClosedWith('policy-violation');
});

test('users are listed as XEP-0133 has it: all, those online, and when they were last here', async (t) => {
  const { stage, walk } = await scene(t);
  await stage.host.users.create('juliet', PASSWORD);
  const all = walk(`${ADMIN}#get-registered-users-list`);
  await all.step();
  const users = [JULIET, `nurse@${DOMAIN}`, `romeo@${DOMAIN}`];
  assert.deepEqual(fieldsOf(await all.step({ max_items: 'none' }))['registereduserjids'], users);
  const online = walk(`${ADMIN}#get-online-users-list`);
  await online.step();
  const here = fieldsOf(await online.step({ max_items: '25' }))['onlineuserjids'];
  assert.deepEqual(here?.sort(), [`nurse@${DOMAIN}`, `romeo@${DOMAIN}`]);
  const last = walk(`${ADMIN}#get-user-lastlogin`);
  await last.step();
  const answer = fieldsOf(await last.step({ accountjids: `romeo@${DOMAIN}` }));
  assert.deepEqual(answer['lastlogin'], [new Date(stage.clock.now()).toISOString()]);
});
