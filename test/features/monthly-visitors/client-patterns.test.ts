import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  ClientPatterns,
  conversions,
  isPattern,
  isQuick,
  MAX_MATCHED,
} from '../../../src/features/monthly-visitors/client-patterns.ts';
import { fromLua, isLuaPattern } from '../../../src/features/monthly-visitors/lua-pattern.ts';

function categories(patterns: readonly (readonly [pattern: string, category: string])[]) {
  const compiled = new ClientPatterns(patterns.map(([pattern, category]) => ({ pattern, category })));
  return (resource: string): string => compiled.categoryOf(resource);
}

/** In the style of Lua, as configurations of the reference have them. */
const SAMPLES = [
  ['^Conversations%.%w+$', 'ANDROID'],
  ['^Quicksy%.', 'ANDROID'],
  ['^iPhone%-%d+', 'IOS'],
  ['^web%d%d%d%d$', 'WEB'],
  ['[Gg]ajim', 'DESKTOP'],
] as const;

test('patterns of Lua classify as they do there', () => {
  const of = categories(SAMPLES);
  for (const [resource, category] of [
    ['Conversations.8xKq', 'ANDROID'],
    ['Conversations-8xKq', '?'],
    ['Conversations.', '?'],
    ['Quicksy.1', 'ANDROID'],
    ['iPhone-15', 'IOS'],
    ['iPhone-X', '?'],
    ['web1234', 'WEB'],
    ['web12345', '?'],
    ['my gajim', 'DESKTOP'],
    ['', '?'],
  ] as const) {
    assert.equal(of(resource), category, resource);
  }
});

test('the first pattern that matches decides', () => {
  const patterns = [
    ['^conv', 'first'],
    ['^conversations', 'second'],
  ] as const;
  assert.equal(categories(patterns)('conversations.x'), 'first');
  assert.equal(categories(patterns.toReversed())('conversations.x'), 'second');
});

test('patterns of Lua are told from regular expressions, and what is made of them is said', () => {
  for (const text of ['%d', 'a%.b', '^%w+', '100%%']) assert.ok(isLuaPattern(text), text);
  for (const text of ['\\d', 'a\\.b', '^\\w+%d', 'plain', '^[A-Z]{2}$', '100%']) assert.ok(!isLuaPattern(text), text);
  const given = [
    { pattern: '^a%.%d', category: 'A' },
    { pattern: '^b\\.', category: 'B' },
  ];
  assert.deepEqual(conversions(given), [['^a%.%d', '^a\\.[0-9]']]);
});

test('what means something else in Lua is converted', () => {
  for (const [lua, source] of [
    ['%a-x', '[A-Za-z]*?x'],
    ['%a%-x', '[A-Za-z]\\-x'],
    ['-%d', '\\-[0-9]'],
    ['(%d)*', '([0-9])\\*'],
    ['[%w_]%D', '[A-Za-z0-9_][^0-9]'],
    ['[]%d]', '[\\]0-9]'],
    ['[^%s]', '[^\\t-\\r ]'],
    ['%d{2}', '[0-9]\\{2\\}'],
    ['a|%d', 'a\\|[0-9]'],
    ['a^%d', 'a\\^[0-9]'],
    ['$%d$', '\\$[0-9]$'],
    ['^%d', '^[0-9]'],
    ['%%', '\\%'],
    ['%d++', '[0-9]+\\+'],
  ] as const) {
    assert.equal(fromLua(lua), source, lua);
    assert.ok(isPattern(lua), lua);
  }
});

test('what cannot be converted, and what is no regular expression, is no pattern', () => {
  for (const text of ['%b()', '%f[%w]', '(%a)%1', '[%W]', '[%d', '%d%', '(', '[', 'a**', '(?<n', '\\']) {
    assert.ok(!isPattern(text), text);
  }
});

test('any text made of the characters of patterns is refused or converted to what compiles', () => {
  const pieces = fc.constantFrom(
    '%',
    'd',
    'W',
    'a',
    '.',
    '[',
    ']',
    '^',
    '$',
    '(',
    ')',
    '*',
    '+',
    '?',
    '-',
    '{',
    '|',
    '1',
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), (parts) => {
      const text = parts.join('');
      if (isPattern(text)) assert.doesNotThrow(() => categories([[text, 'X']])('abc.def-1'));
    }),
  );
});

test('patterns that may take long are told from those that cannot', () => {
  for (const text of [
    '^Conversations\\.',
    'gajim|dino|psi',
    '^(?:Conversations|Cheogram)(?:\\.[\\w-]+)?$',
    '(?<name>a+)b+',
    '^a+b+c+$',
    '[a-z]{2,8}\\d{4}',
    '^(a|b){3}$',
    '\\w*\\d*',
    '[*+()]x+y+',
  ]) {
    assert.ok(isQuick(text), text);
  }
  for (const text of [
    '(a+)+$',
    '(a*)*b',
    '(a|a)*b',
    '(a|b|ab)*c',
    '(?:a?)+',
    '((a{1,2}){3,}){2,}',
    'a*a*a*b',
    '^a+b+c+d+$',
    '(a+){9}',
    '(a?){64}a{64}',
    '(a|a)'.repeat(40),
    'x?'.repeat(60),
    '(a)\\1',
    '(?<n>a)\\k<n>',
    '(?=a)b',
    '(?!a)b',
    '(?<=a)b',
    '(?<!a)b',
  ]) {
    assert.ok(isPattern(text), text);
    assert.ok(!isQuick(text), text);
  }
});

test('whatever passes that check is matched within a short time, with whatever resource', () => {
  const atom = fc.constantFrom('a', 'b', '.', '[ab]', '\\w', '(a|b)', '(ab)', '(a+)', '^', '$', 'a|b');
  const repeat = fc.constantFrom('', '', '*', '+', '?', '{2}', '{1,9}', '{2,}', '*?');
  const part = fc.tuple(atom, repeat).map(([a, b]) => ('^$|'.includes(a.at(-1) ?? '') ? a : a + b));
  const hostile = ['a', 'ab', 'aab', 'b'].map((piece) => `${piece.repeat(1023).slice(0, 1022)}!`);
  let tried = 0;
  fc.assert(
    fc.property(fc.array(part, { minLength: 1, maxLength: 8 }), fc.constantFrom('', 'c$'), (parts, end) => {
      const text = `${parts.join('')}${end}`;
      if (!isPattern(text) || !isQuick(text)) return;
      const of = categories([[text, 'X']]);
      for (const resource of hostile) {
        const before = performance.now();
        of(resource);
        tried++;
        assert.ok(performance.now() - before < 500, text);
      }
    }),
    { numRuns: 300 },
  );
  assert.ok(tried > 200, String(tried));
});

test('the worst that passes takes milliseconds', () => {
  for (const worst of ['a*a*c', '^a*a*a*c', '(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)(a|b)a*c', 'a{1,128}a{1,128}c']) {
    assert.ok(isQuick(worst), worst);
    const of = categories([[worst, 'X']]);
    const before = performance.now();
    assert.equal(of('a'.repeat(1023)), '?');
    assert.ok(performance.now() - before < 500, worst);
  }
});

test('only the beginning of a resource is matched', () => {
  const of = categories([['x$', 'X']]);
  assert.equal(of(`${'a'.repeat(MAX_MATCHED - 1)}x`), 'X');
  assert.equal(of(`${'a'.repeat(MAX_MATCHED)}x`), '?');
});
