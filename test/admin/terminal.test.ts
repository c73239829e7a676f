import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { test } from 'node:test';
import { Interrupted, readNewPassword } from '../../src/admin/terminal.ts';
import { CommandError } from '../../src/core/commands.ts';
import { FakeTerminal } from './fake-io.ts';

function type(...keys: string[]): {
  readonly terminal: FakeTerminal;
  readonly shown: string[];
  readonly read: Promise<string>;
} {
  const terminal = new FakeTerminal();
  const shown: string[] = [];
  const read = readNewPassword(terminal, { write: (text) => shown.push(text) }, 'Password');
  for (const key of keys) terminal.write(key);
  return { terminal, shown, read };
}

test('a password is asked twice, and nothing of it is shown', async () => {
  const { terminal, shown, read } = type('s', 'e', 'c', '\r', 'sec\r');
  assert.equal(await read, 'sec');
  assert.equal(shown.join(''), 'Password: \nPassword, again: \n');
  assert.deepEqual(terminal.modes, [true, false]);
});

const EDITED: readonly (readonly [what: string, keys: string, password: string])[] = [
  ['backspace takes the last character back', 'sex\u007fc\r', 'sec'],
  ['backspace takes a whole character of any script', 'a😀\u007fb\r', 'ab'],
  ['backspace at the beginning does nothing', '\u007f\bsec\r', 'sec'],
  ['Ctrl-U begins anew', 'wrong\u0015sec\r', 'sec'],
  ['arrows and other keys add nothing', 'se\u001b[D\u001b[3~\u001bOP\tc\r', 'sec'],
  ['a line feed ends the line too', 'sec\n', 'sec'],
  ['characters of every script count', 'пароль密码\r', 'пароль密码'],
];

for (const [what, keys, password] of EDITED) {
  test(`while a password is typed, ${what}`, async () => {
    assert.equal(await type(keys, keys).read, password);
  });
}

test('what is pasted with its line break serves for both questions', async () => {
  assert.equal(await type('sec\rsec\r').read, 'sec');
});

test('two different passwords are refused, and so is none', async () => {
  await assert.rejects(type('one\r', 'two\r').read, { name: 'CommandError', message: /not the same/ });
  await assert.rejects(type('\r').read, { name: 'CommandError', message: /no password/ });
});

test('Ctrl-C, Ctrl-D and a closed terminal give up, and give the terminal back', async () => {
  for (const keys of [['se\u0003'], ['\u0004']]) {
    const { terminal, read } = type(...keys);
    await assert.rejects(read, Interrupted);
    assert.deepEqual(terminal.modes, [true, false]);
  }
  const { terminal, read } = type('se');
  terminal.end();
  await assert.rejects(read, Interrupted);
});

test('without a terminal the password is one line of the input', async () => {
  const silent = { write: () => assert.fail('nothing is asked') };
  const read = (...parts: string[]): Promise<string> => readNewPassword(Readable.from(parts), silent, 'Password');
  assert.equal(await read('se', 'c\nrest'), 'sec');
  assert.equal(await read('sec\r\n'), 'sec');
  assert.equal(await read('no end'), 'no end');
  assert.equal(await read(' spaces count '), ' spaces count ');
  await assert.rejects(read(''), CommandError);
  await assert.rejects(read('\n'), CommandError);
  await assert.rejects(read('x'.repeat(5000)), CommandError);
});
