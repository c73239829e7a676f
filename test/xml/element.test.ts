import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  attr,
  child,
  children,
  el,
  elements,
  escapeAttribute,
  escapeText,
  firstElement,
  serialize,
  text,
} from '../../src/xml/element.ts';

const MESSAGE = el(
  'message',
  { to: 'juliet@example.org', id: undefined },
  el('body', {}, 'hi ', undefined, 'there'),
  ' ',
  el('x', { xmlns: 'urn:example:x' }, el('y'), el('body', { xmlns: 'jabber:client' }, 'inner')),
  el('body', { 'xml:lang': 'cs' }, 'ahoj'),
  el('body', { xmlns: 'urn:example:other' }, 'not this one'),
);

test('el leaves out undefined attributes and children', () => {
  assert.deepEqual(Object.keys(MESSAGE.attrs), ['to']);
  assert.equal(MESSAGE.children.length, 5);
});

test('child without a namespace finds children in the namespace of the parent only', () => {
  assert.equal(text(child(MESSAGE, 'body')), 'hi there');
  assert.equal(child(MESSAGE, 'x'), undefined);
  assert.equal(child(el('a', {}, el('b', { xmlns: 'urn:example:x' })), 'b'), undefined);
});

test('child with a namespace finds it declared on the child or inherited from the parent', () => {
  const x = child(MESSAGE, 'x', 'urn:example:x');
  assert.ok(x);
  assert.ok(child(x, 'y', 'urn:example:x'));
  assert.ok(child(x, 'y'));
  assert.equal(child(x, 'y', 'urn:example:other'), undefined);
  assert.equal(text(child(x, 'body', 'jabber:client')), 'inner');
  assert.equal(child(x, 'body'), undefined);
});

test('children filters by name and namespace', () => {
  assert.deepEqual(children(MESSAGE, 'body').map(text), ['hi there', 'ahoj']);
  assert.deepEqual(children(MESSAGE).map(text), ['hi there', 'ahoj']);
  assert.deepEqual(children(MESSAGE, undefined, 'urn:example:other').map(text), ['not this one']);
  assert.equal(elements(MESSAGE).length, 4);
  assert.equal(firstElement(MESSAGE)?.name, 'body');
  assert.equal(firstElement(el('a', {}, 'text')), undefined);
});

test('text joins direct character data only', () => {
  assert.equal(text(MESSAGE), ' ');
  assert.equal(text(undefined), '');
});

test('attr reads own properties only', () => {
  const named = el('a', JSON.parse('{"__proto__":"p","hasOwnProperty":"h"}'));
  assert.equal(attr(named, '__proto__'), 'p');
  assert.equal(attr(named, 'hasOwnProperty'), 'h');
  assert.equal(attr(named, 'constructor'), undefined);
  assert.equal(attr(el('a'), '__proto__'), undefined);
  assert.equal(serialize(named), '<a __proto__="p" hasOwnProperty="h"/>');
});

test('serialize writes namespaces as given and escapes text and attributes', () => {
  const element = el('a', { xmlns: 'urn:example:a', b: '<"\'&>\t\n\r' }, 'x < y && ]]>\r\n', el('c'));
  assert.equal(
    serialize(element),
    '<a xmlns="urn:example:a" b="&lt;&quot;&apos;&amp;&gt;&#x9;&#xA;&#xD;">x &lt; y &amp;&amp; ]]&gt;&#xD;\n<c/></a>',
  );
});

test('escaping drops what XML 1.0 cannot carry and keeps everything else', () => {
  assert.equal(escapeText('a\0b\u0008c\u001fd\ufffee\uffff'), 'abcde');
  assert.equal(escapeText('\ud800x\udc00y\ud83d'), 'xy');
  assert.equal(escapeText('\ud83d\ude00 \u00e9 \ufffd \u007f'), '\ud83d\ude00 \u00e9 \ufffd \u007f');
  assert.equal(escapeAttribute('\ud83d\ude00\ud83d'), '\ud83d\ude00');
  assert.equal(escapeText('tab\tand line\n'), 'tab\tand line\n');
});
