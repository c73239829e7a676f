import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../../../../src/config/load.ts';
import { ConfigError } from '../../../../src/config/problem.ts';
import { config } from '../../../../src/features/roster/delegated/config.ts';
import { parseEndpoint, parseEndpointTemplate } from '../../../../src/features/roster/delegated/endpoint.ts';

/** What is wrong with the options, or nothing. */
function problemOf(options: Readonly<Record<string, unknown>>): string {
  const file = JSON.stringify({ hosts: { 'example.org': {} }, features: { delegatedRoster: options } });
  try {
    loadConfig('/config.json', { sections: { delegatedRoster: config }, readFile: () => file });
    return '';
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}

test('the URL has exactly one place for the localpart, in path or query, and no password', () => {
  const good = [
    'http://localhost/%s',
    'https://app.example.org:8443/contacts/%s.json?v=2',
    'https://app.example.org/contacts?user=%s',
    'http://[::1]/%s',
  ];
  for (const url of good) assert.equal(problemOf({ url }), '', url);
  const bad = [
    'http://localhost/',
    'http://localhost/%s/%s',
    'http://%s.example.org/',
    'http://localhost/#%s',
    'ftp://localhost/%s',
    'localhost/%s',
    'http://user@localhost/%s',
    'http://user:pass@localhost/%s',
    'http://local host/%s',
    '/%s',
    '',
  ];
  for (const url of bad) assert.match(problemOf({ url }), /features\.delegatedRoster\.url.*exactly one %s/, url);
});

test('the URL of batches has no place for a localpart', () => {
  assert.equal(problemOf({ batchUrl: 'https://app.example.org/contacts?all' }), '');
  assert.match(problemOf({ batchUrl: 'https://user:pass@app.example.org/' }), /batchUrl/);
  assert.match(problemOf({ batchUrl: 'app.example.org' }), /batchUrl/);
});

test('there is one way for the server to prove itself, and no secret in what is said of another', () => {
  const good = [
    null,
    { bearer: 'planted' },
    { user: 'parley', password: 'planted' },
    { hmacSecret: 'planted-for-signing' },
  ];
  for (const auth of good) assert.equal(problemOf({ auth }), '');
  const bad = [
    {},
    { user: 'parley' },
    { password: 'planted' },
    { bearer: 'planted', hmacSecret: 'planted-for-signing' },
    { bearer: 'planted', user: 'parley', password: 'planted' },
    { user: 'par:ley', password: 'planted' },
    { bearer: 'planted\ntoken' },
    { token: 'planted' },
  ];
  for (const auth of bad) {
    const problem = problemOf({ auth });
    assert.match(problem, /features\.delegatedRoster\.auth/, JSON.stringify(auth));
    assert.ok(!problem.includes('planted'), problem);
  }
});

test('what callers prove themselves with has at least 16 characters, and is not repeated where it has fewer', () => {
  const long = 'planted-0123456789';
  assert.equal(problemOf({ refresh: { bearerTokens: [long], hmacSecrets: [long, `${long} with space`] } }), '');
  const short = 'planted-0123456';
  const bad = {
    bearerTokens: [long, short],
    hmacSecrets: [short],
  };
  for (const [option, secrets] of Object.entries(bad)) {
    const problem = problemOf({ refresh: { [option]: secrets } });
    assert.match(problem, new RegExp(`refresh\\.${option}.*at least 16 characters`));
    assert.ok(!problem.includes('planted'), problem);
  }
  assert.match(problemOf({ auth: { hmacSecret: short } }), /auth/);
});

test('nobody waits for longer than a minute', () => {
  assert.equal(problemOf({ timeoutMs: 60_000 }), '');
  assert.match(problemOf({ timeoutMs: 60_001 }), /timeoutMs.*from 100 to 60000/);
});

test('a token that no header can carry is a problem', () => {
  for (const token of ['planted 0123456789', 'planted-0123456789\n', 'planted-0123456789\u0000']) {
    assert.match(problemOf({ refresh: { bearerTokens: [token] } }), /without white space/);
  }
});

test('a password in a URL is not repeated', () => {
  const problem = problemOf({ url: 'http://parley:planted@localhost/%s' });
  assert.match(problem, /features\.delegatedRoster\.url/);
  assert.ok(!problem.includes('planted'), problem);
});

test('an endpoint is what a URL says, with the default port of its scheme', () => {
  assert.deepEqual(parseEndpoint('https://App.example.org/a?b'), {
    isTls: true,
    hostname: 'app.example.org',
    port: 443,
    target: '/a?b',
  });
  assert.deepEqual(parseEndpoint('http://[::1]:8080'), { isTls: false, hostname: '::1', port: 8080, target: '/' });
  const endpointOf = parseEndpointTemplate('http://localhost/%s?of=$&') ?? assert.fail();
  assert.equal(endpointOf("$'").target, "/%24'?of=$&");
});
