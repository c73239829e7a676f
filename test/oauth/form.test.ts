import assert from 'node:assert/strict';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { HttpRequest } from '../../src/http/message.ts';
import { OAuthError } from '../../src/oauth/errors.ts';
import { parseForm, parseQuery, readForm } from '../../src/oauth/form.ts';

const REFUSED = { code: 'invalid_request', status: 400 };

function form(text: string) {
  return parseForm(Buffer.from(text));
}

function request(contentType: string | undefined, body: string): HttpRequest {
  return {
    method: 'POST',
    path: '/oauth2/token',
    query: new URLSearchParams(),
    headers: contentType === undefined ? {} : { 'content-type': contentType },
    host: 'example.org',
    secure: true,
    remoteAddress: '192.0.2.1',
    signal: new AbortController().signal,
    incoming: new IncomingMessage(new Socket()),
    body: async () => Buffer.from(body),
  };
}

describe('A form', () => {
  test('is decoded as browsers and libraries encode it', () => {
    const read = form(
      'grant_type=refresh_token&scope=openid+xmpp&refresh_token=secret-token%3AMjt0%2B%2F%3D&n=ü%C3%BC',
    );
    assert.equal(read.get('grant_type'), 'refresh_token');
    assert.equal(read.get('scope'), 'openid xmpp');
    assert.equal(read.get('refresh_token'), 'secret-token:Mjt0+/=');
    assert.equal(read.get('n'), 'üü');
    assert.equal(read.get('code'), undefined);
  });

  test('has no parameters without a value', () => {
    const read = form('a=&b&&c=1=2');
    assert.deepEqual([read.get('a'), read.get('b'), read.get('c')], [undefined, undefined, '1=2']);
    assert.throws(() => read.require('a'), REFUSED);
    assert.equal(read.require('c'), '1=2');
  });

  test('has each parameter once, however it is encoded, with or without a value', () => {
    for (const text of ['a=1&a=1', 'a=1&%61=2', 'a=&a=1', 'a&a', '__proto__=1&__proto__=2']) {
      assert.throws(() => form(text), REFUSED, text);
    }
    assert.equal(form('__proto__=1&constructor=2').get('__proto__'), '1');
    assert.equal(form('').get('constructor'), undefined);
  });

  test('may have several of those that are meant to come so', () => {
    const read = parseForm(Buffer.from('scope=openid&scope=xmpp&scope='), ['scope']);
    assert.deepEqual(read.all('scope'), ['openid', 'xmpp']);
    assert.deepEqual(read.all('other'), []);
  });

  test('is UTF-8', () => {
    for (const bytes of [
      Buffer.from([0x61, 0x3d, 0xff]),
      Buffer.from('a=%ff'),
      Buffer.from('a=%C3'),
      Buffer.from('a=%zz'),
      Buffer.from('a=%'),
    ]) {
      assert.throws(() => parseForm(bytes), REFUSED);
    }
  });

  test('has at most 100 parameters', () => {
    const fields = (count: number): string => Array.from({ length: count }, (_, i) => `p${i}=1`).join('&');
    assert.equal(form(fields(100)).get('p99'), '1');
    assert.throws(() => form(fields(101)), REFUSED);
  });

  test('says what was written', () => {
    const text = fc.string({ unit: 'binary', minLength: 1 }).filter((value) => !/\p{Cs}/u.test(value));
    fc.assert(
      fc.property(fc.dictionary(text, text, { maxKeys: 20 }), (fields) => {
        const read = form(new URLSearchParams(fields).toString());
        for (const [name, value] of Object.entries(fields)) assert.equal(read.get(name), value);
      }),
      { numRuns: 200 },
    );
  });

  test('of any bytes is read or refused', () => {
    const soup = fc.string({ unit: fc.constantFrom('a', 'b', '=', '&', '%', 'f', '+', 'é', '\0'), maxLength: 40 });
    fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array({ maxLength: 60 }),
          soup.map((text) => Buffer.from(text)),
        ),
        (bytes) => {
          try {
            parseForm(bytes);
          } catch (error) {
            assert.ok(error instanceof OAuthError && error.code === 'invalid_request');
          }
        },
      ),
      { numRuns: 1000 },
    );
  });

  test('is the only kind of body', async () => {
    assert.equal((await readForm(request('application/x-www-form-urlencoded', 'a=1'))).get('a'), '1');
    assert.equal((await readForm(request('Application/X-WWW-Form-URLencoded; charset=UTF-8', 'a=1'))).get('a'), '1');
    for (const type of [undefined, '', 'application/json', 'text/plain', 'application/x-www-form-urlencoded2']) {
      await assert.rejects(readForm(request(type, 'a=1')), REFUSED);
    }
  });
});

describe('A query', () => {
  test('has each parameter once, and is UTF-8', () => {
    assert.equal(parseQuery(new URLSearchParams('state=a%26b&empty=')).get('state'), 'a&b');
    assert.equal(parseQuery(new URLSearchParams('state=a&empty=')).get('empty'), undefined);
    assert.throws(() => parseQuery(new URLSearchParams('state=a&state=b')), REFUSED);
    assert.throws(() => parseQuery(new URLSearchParams('state=%ff')), REFUSED);
    assert.throws(() => parseQuery(new URLSearchParams('%ff=1')), REFUSED);
  });
});
