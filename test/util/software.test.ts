import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SOFTWARE_VERSION } from '../../src/util/software.ts';

test('the version is that of the package', () => {
  assert.match(SOFTWARE_VERSION, /^\d+\.\d+\.\d+/);
});
