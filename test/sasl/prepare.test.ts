import assert from 'node:assert/strict';
import { test } from 'node:test';
import saslprep from 'saslprep';
import { preparePassword } from '../../src/sasl/prepare.ts';

test('what is not looked at closely is what SASLprep leaves as it is', () => {
  for (let code = 0x20; code <= 0x7e; code++) {
    const text = `a${String.fromCharCode(code)}z`;
    assert.equal(saslprep(text, { allowUnassigned: true }), text);
    assert.equal(preparePassword(text), text);
  }
});

test('what SASLprep maps or forbids is still mapped or forbidden', () => {
  assert.equal(preparePassword('I\u00adX'), 'IX');
  assert.equal(preparePassword('\u2168'), 'IX');
  assert.equal(preparePassword('\u0007'), undefined);
  assert.equal(preparePassword('a\u007f'), undefined);
  assert.equal(preparePassword(''), undefined);
});
