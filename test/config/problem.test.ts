import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ConfigError, describeProblem, joinPath, nearest } from '../../src/config/problem.ts';

test('the nearest name is found despite a letter too many, too few, wrong or swapped, and whatever its case', () => {
  const names = ['listen', 'limits', 'level', 'requireEncryption'];
  for (const typo of ['listten', 'listn', 'lizten', 'lisetn', 'LISTEN']) assert.equal(nearest(typo, names), 'listen');
  assert.equal(nearest('requireEncription', names), 'requireEncryption');
});

test('no name is suggested when none is near', () => {
  assert.equal(nearest('storage', ['listen', 'limits']), undefined);
  assert.equal(nearest('x'.repeat(100_000), ['listen']), undefined);
  assert.equal(nearest('listen', []), undefined);
});

test('paths read like the expressions that reach the value', () => {
  assert.equal(joinPath(joinPath(joinPath('', 'listen'), 'c2s'), 0), 'listen.c2s[0]');
  assert.equal(joinPath('hosts', 'example.org'), 'hosts["example.org"]');
  assert.equal(joinPath('features', 'client-management'), 'features.client-management');
});

test('a problem is one line', () => {
  const problem = { path: 'log.level', expected: 'one of a, b', found: '"x"', suggestion: 'b' };
  assert.equal(describeProblem(problem), 'log.level: expected one of a, b, found "x"; did you mean "b"?');
  assert.equal(new ConfigError('f.json', [problem]).message.split('\n').length, 2);
});
