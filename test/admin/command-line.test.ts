import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Entry, findEntry, parseInvocation, UsageError, unknownCommand } from '../../src/admin/command-line.ts';

const ADD: Entry = {
  name: 'user add',
  summary: 'Adds a user.',
  hasJson: true,
  parameters: [
    { name: 'jid', kind: 'jid', doc: 'The user' },
    { name: 'password', kind: 'secret', doc: 'The password', unless: 'generate' },
    { name: 'generate', kind: 'flag', optional: true, doc: 'Make one' },
    { name: 'limit', kind: 'count', optional: true, doc: 'At most' },
  ],
};
const SERVE: Entry = { name: 'serve', summary: 'Serves.', parameters: [] };
const CHECK: Entry = { name: 'check-config', summary: 'Checks.', parameters: [], operand: 'FILE' };
const EXPORT: Entry = {
  name: 'user export',
  summary: 'Exports.',
  parameters: [
    { name: 'jid', kind: 'jid', doc: 'The user', unless: 'all' },
    { name: 'all', kind: 'flag', optional: true, doc: 'All users' },
  ],
};
const ENTRIES = [ADD, SERVE, CHECK];

test('a command is found by its words, wherever the options stand', () => {
  for (const argv of [
    ['user', 'add', 'a@b'],
    ['--config', 'x.json', 'user', 'add', 'a@b'],
    ['-c', 'x.json', 'user', '--generate', 'add'],
    ['user', 'add', 'serve'],
  ]) {
    assert.equal(findEntry(argv, ENTRIES).entry, ADD, argv.join(' '));
  }
  assert.equal(findEntry(['serve', 'user'], ENTRIES).entry, SERVE);
  assert.equal(findEntry([], ENTRIES).entry, undefined);
  assert.equal(findEntry(['--config=x.json', 'user'], ENTRIES).config, 'x.json');
});

test('arguments are taken by place, options by name', () => {
  const argv = ['--config', 'x.json', 'user', 'add', '--limit=5', 'a@b', '--json', '--generate'];
  const { args, config, json, help } = parseInvocation(argv, ADD);
  assert.deepEqual(
    { args, config, json, help },
    {
      args: { jid: 'a@b', generate: true, limit: 5 },
      config: 'x.json',
      json: true,
      help: false,
    },
  );
  assert.equal(parseInvocation(['check-config', 'my.json'], CHECK).operand, 'my.json');
  assert.equal(parseInvocation(['check-config'], CHECK).operand, undefined);
});

test('help needs no arguments', () => {
  assert.equal(parseInvocation(['user', 'add', '--help'], ADD).help, true);
});

const WRONG: readonly (readonly [argv: string, entry: Entry, message: RegExp])[] = [
  ['user add', ADD, /needs JID/],
  ['user add a@b hunter2', ADD, /never taken from the command line/],
  ['user add a@b --password hunter2', ADD, /no option --password/],
  ['user add a@b --genrate', ADD, /did you mean --generate\?/],
  ['user add a@b --limit', ADD, /limit/],
  ['user add a@b --limit 0', ADD, /whole number from 1, not "0"/],
  ['user add a@b --limit 1e3', ADD, /not "1e3"/],
  ['serve now', SERVE, /no use for "now"/],
  ['serve --json', SERVE, /no option --json/],
  ['check-config a b', CHECK, /takes one FILE/],
  ['user export', EXPORT, /needs JID or --all$/],
];

for (const [argv, entry, message] of WRONG) {
  test(`"${argv}" is refused, and why is said`, () => {
    assert.throws(
      () => parseInvocation(argv.split(' '), entry),
      (error) => error instanceof UsageError && message.test(error.message) && !error.message.includes('hunter2'),
    );
  });
}

test('an unknown command is told with the nearest one', () => {
  assert.match(unknownCommand(['sevre'], ENTRIES).message, /did you mean "serve"/);
  assert.match(unknownCommand(['user', 'ad'], ENTRIES).message, /did you mean "user add"/);
  assert.match(unknownCommand(['user'], ENTRIES).message, /not complete: user add/);
  // The server tells of commands that are known already.
  const once = unknownCommand(['user'], ENTRIES).message;
  assert.equal(unknownCommand(['user'], [...ENTRIES, ...ENTRIES]).message, once);
  assert.equal(unknownCommand(['zzzzzzzz'], ENTRIES).message, 'there is no command "zzzzzzzz"');
});
