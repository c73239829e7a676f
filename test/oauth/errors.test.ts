import assert from 'node:assert/strict';
import { test } from 'node:test';
import { invalidClient, OAuthError } from '../../src/oauth/errors.ts';

test('an error says what its response says', () => {
  const error = new OAuthError('invalid_grant', 'The code has expired.');
  assert.deepEqual(error.body, { error: 'invalid_grant', error_description: 'The code has expired.' });
  assert.deepEqual([error.status, error.headers, error.description], [400, {}, 'The code has expired.']);
});

test('an error of a registration lists all faults', () => {
  const errors = [{ field: 'redirect_uris/0', message: 'must be a string' }];
  const { body } = new OAuthError('invalid_client_metadata', 'redirect_uris/0 must be a string', { errors });
  assert.deepEqual(body.errors, errors);
});

test('a client that is unknown is told how to authenticate', () => {
  const error = invalidClient();
  assert.deepEqual([error.code, error.status], ['invalid_client', 401]);
  assert.match(error.headers['www-authenticate'] ?? '', /^Basic realm="[^"]+"/);
});
