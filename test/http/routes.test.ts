import assert from 'node:assert/strict';
import { test } from 'node:test';
import { textResponse } from '../../src/http/message.ts';
import { allowedMethods, Routes } from '../../src/http/routes.ts';

const handler = () => textResponse(200, 'ok');

test('an exact route comes before a prefix, a longer prefix before a shorter one', () => {
  const routes = new Routes();
  routes.add('GET', '/', handler, { prefix: true });
  routes.add('GET', '/files/', handler, { prefix: true });
  routes.add('GET', '/files/list', handler);
  assert.equal(routes.find('example.org', '/files/list')?.path, '/files/list');
  assert.equal(routes.find('example.org', '/files/list/more')?.path, '/files/');
  assert.equal(routes.find('example.org', '/files')?.path, '/');
});

test("a host's own routes come before those of all hosts", () => {
  const routes = new Routes();
  routes.add('GET', '/a', handler);
  routes.add('POST', '/a', handler, { host: 'Upload.Example.org' });
  routes.add('GET', '/b/', handler, { host: 'upload.example.org', prefix: true });
  assert.equal(allowedMethods(routes.find('upload.example.org', '/a') ?? assert.fail()), 'POST, OPTIONS');
  assert.equal(allowedMethods(routes.find('example.org', '/a') ?? assert.fail()), 'GET, HEAD, OPTIONS');
  assert.equal(routes.find('upload.example.org', '/b/c')?.path, '/b/');
  assert.equal(routes.find('example.org', '/b/c'), undefined);
});

test('two handlers for one method of a path are a mistake', () => {
  const routes = new Routes();
  routes.add('GET', '/a', handler);
  routes.add('POST', '/a', handler);
  routes.add('GET', '/a', handler, { host: 'example.org' });
  routes.add('GET', '/a/', handler, { prefix: true });
  assert.throws(() => routes.add('GET', '/a', handler), /two handlers for GET \/a/);
  assert.throws(() => routes.add('GET', '/a/', handler, { prefix: true }), /two handlers for GET \/a\//);
});

test('a path that can never match is a mistake', () => {
  const routes = new Routes();
  assert.throws(() => routes.add('GET', 'a', handler), /not a route's path/);
  assert.throws(() => routes.add('GET', '/a', handler, { prefix: true }), /not a route's path/);
});

test('a removed handler leaves nothing behind', () => {
  const routes = new Routes();
  const removeGet = routes.add('GET', '/a', handler);
  const removePost = routes.add('POST', '/a', handler);
  const removePrefix = routes.add('GET', '/b/', handler, { prefix: true });
  removeGet();
  assert.equal(allowedMethods(routes.find('h', '/a') ?? assert.fail()), 'POST, OPTIONS');
  removePost();
  removePrefix();
  assert.equal(routes.find('h', '/a'), undefined);
  assert.equal(routes.find('h', '/b/c'), undefined);
  routes.add('GET', '/a', handler);
});
