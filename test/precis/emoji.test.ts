import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { withoutEmojiControls } from '../../src/precis/emoji.ts';

test('emoji lose what is invisible in them, and nothing else', () => {
  const table: Readonly<Record<string, string>> = {
    '\u2764\ufe0f': '\u2764',
    'I \u2764\ufe0f you': 'I \u2764 you',
    '\u2764\ufe0e': '\u2764',
    '\u{1f468}\u200d\u{1f469}\u200d\u{1f467}': '\u{1f468}\u{1f469}\u{1f467}',
    '\u2764\ufe0f\u200d\u{1f525}': '\u2764\u{1f525}',
    '\u{1f3c3}\u{1f3fd}\u200d\u2640\ufe0f': '\u{1f3c3}\u{1f3fd}\u2640',
    '\u{1f3f3}\ufe0f\u200d\u{1f308}': '\u{1f3f3}\u{1f308}',
    '1\ufe0f\u20e3': '1\u20e3',
    '\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f}': '\u{1f3f4}',
    '\u{1f1e9}\u{1f1ea}': '\u{1f1e9}\u{1f1ea}',
    '\u{1f44d}\u{1f3fd}': '\u{1f44d}\u{1f3fd}',
  };
  for (const [text, expected] of Object.entries(table)) assert.equal(withoutEmojiControls(text), expected, text);
});

test('what is invisible elsewhere stays, for the rules of the profile to refuse', () => {
  const texts = [
    '\ufe0f',
    'a\ufe0f',
    'a\u200db',
    '\u200d\u{1f467}',
    '\u{1f467}\u200d',
    '\u{1f467}\u200da',
    'a\u200d\u{1f467}',
    '\u{1f467}\u200b',
    '\u{1f467}\ufe01',
    '\u{1f467}\u{e0062}\u{e007f}',
    '\u{1f3f4}\u{e0062}',
    '\u{1f3f4}\u{e007f}',
    'क\u094d\u200dष',
  ];
  for (const text of texts) assert.equal(withoutEmojiControls(text), text, JSON.stringify(text));
  assert.equal(withoutEmojiControls('\u2764\ufe0f\ufe0f'), '\u2764\ufe0f');
  assert.equal(withoutEmojiControls('\u{1f467}\u200d\u200d\u{1f467}'), '\u{1f467}\u200d\u200d\u{1f467}');
});

test('only those characters are ever removed', () => {
  const pieces = ['\u2764', '\ufe0f', '\ufe0e', '\u200d', '\u{1f467}', '\u{1f3f4}', '\u{e0067}', '\u{e007f}', 'a', '1'];
  const visible = (text: string): string => text.replace(/\p{Default_Ignorable_Code_Point}/gu, '');
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...pieces)), (parts) => {
      const text = parts.join('');
      assert.equal(visible(withoutEmojiControls(text)), visible(text));
    }),
  );
});
