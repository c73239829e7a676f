import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { opaqueString, usernameCaseMapped } from '../../src/precis/profiles.ts';

/** Checks a profile over a table of input and output; undefined where the text is refused. */
function check(
  profile: (text: string) => string | undefined,
  table: Readonly<Record<string, string | undefined>>,
): void {
  for (const [text, expected] of Object.entries(table)) {
    assert.equal(profile(text), expected, JSON.stringify(text));
  }
}

test('a username is mapped to lower case, ordinary width and form C', () => {
  check(usernameCaseMapped, {
    Juliet: 'juliet',
    ｊｕｌｉｅｔ: 'juliet',
    ＪＵＬＩＥＴ: 'juliet',
    ﾛﾐｵ: 'ロミオ',
    ｶﾞ: 'ガ',
    'e\u0301': 'é',
    'E\u0301': 'é',
    straße: 'straße',
    Σ: 'σ',
    σ: 'σ',
    ς: 'ς',
    ΟΔΟΣ: 'οδος',
    '\u0130': 'i\u0307',
    '\u13f8': '\u13f8',
    '\u13a0': '\uab70',
  });
});

test('a username has no spaces, symbols, controls or compatibility characters', () => {
  const refused = [
    '',
    ' ',
    'a b',
    'a\u00a0b',
    'a\u3000b',
    '♚',
    'henri\u2163',
    'ﬁ',
    '\u212b',
    '\u017f',
    '²',
    '①',
    '\u01c5',
  ];
  const controls = ['\0', '\t', '\n', '\x7f', '\u0085', '\u00ad', '\u200b', '\u200e', '\u2028', '\ufeff', 'a\ufe0f'];
  const jamo = ['\u1100\u1161', '\uffa1\uffc2', '\u3131'];
  const nothing = ['\u0378', '\ufdd0', '\uffff', '\u{e000}', '\ud800', 'a\udfff', '\u{1fffe}', '\u{e0001}'];
  const exceptions = ['\u0640', '\u07fa', '\u302e', '\u3031', '\u303b'];
  for (const text of [...refused, ...controls, ...jamo, ...nothing, ...exceptions]) {
    assert.equal(usernameCaseMapped(text), undefined, JSON.stringify(text));
  }
});

test('the code points that RFC 8264 excepts from its categories are allowed', () => {
  for (const text of ['ß', 'ς', 'ب\u06fd', 'ب\u06fe', '\u0f0b', '\u3007']) {
    assert.equal(usernameCaseMapped(text), text, JSON.stringify(text));
  }
});

test('a username with right-to-left letters satisfies the Bidi Rule', () => {
  check(usernameCaseMapped, {
    אבג: 'אבג',
    אב12: 'אב12',
    'אב-ג': 'אב-ג',
    'א\u05b7': 'א\u05b7',
    ب٣: 'ب٣',
    '12אב': undefined, // begins with a number
    aאב: undefined, // begins left-to-right
    אבa: undefined, // holds a left-to-right letter
    'אב-': undefined, // ends with a neutral character
    '\u05b7א': undefined, // begins with a mark
    ب1٣: undefined, // two kinds of digits
    '٣': undefined, // only a number
  });
});

test('a code point that needs a context is allowed in it only', () => {
  check(usernameCaseMapped, {
    col·lecta: 'col·lecta',
    a·b: undefined,
    '·l': undefined,
    '\u0375β': '\u0375β',
    'β\u0375': undefined,
    'ג\u05f3א': 'ג\u05f3א',
    'צה\u05f4ל': 'צה\u05f4ל',
    '\u05f3א': undefined,
    'ロミオ\u30fbモンタギュー': 'ロミオ\u30fbモンタギュー',
    'romeo\u30fbmontague': undefined,
    ب١٢: 'ب١٢',
    ب۱۲: 'ب۱۲',
    ب١۲: undefined,
    'क\u094d\u200dष': 'क\u094d\u200dष',
    'क\u094d\u200cष': 'क\u094d\u200cष',
    'क\u200dष': undefined,
    'می\u200cخواهم': 'می\u200cخواهم',
    'می\u064b\u200c\u064bخواهم': 'می\u064b\u200c\u064bخواهم',
    'ا\u200cب': undefined, // alef does not join what follows
    'a\u200cb': undefined,
    '\u200cب': undefined,
    'ب\u200c': undefined,
  });
});

test('an opaque string keeps its case, width and symbols; its spaces become U+0020', () => {
  check(opaqueString, {
    'Balcony at Night': 'Balcony at Night',
    ＷＩＤＥ: 'ＷＩＤＥ',
    'a\u00a0b\u3000c\u1680d': 'a b c d',
    ' ': ' ',
    'e\u0301': 'é',
    '\u212b': 'Å',
    '♚ \u2163 ½ 😀': '♚ \u2163 ½ 😀',
    '': undefined,
    'a\tb': undefined,
    'a\0': undefined,
    '\u1100': undefined,
    'a\u200db': undefined,
    'a\u00adb': undefined,
    '\ud83d': undefined,
    '\u0378': undefined,
  });
});

test('enforcing a second time changes nothing', () => {
  const text = fc.string({ unit: 'binary', maxLength: 12 });
  const letters = fc.string({
    unit: fc.constantFrom(
      'a',
      'K',
      'ß',
      'Σ',
      'ς',
      'İ',
      '\u0301',
      '\u0345',
      '\u0323',
      'ﾞ',
      'ｶ',
      'Ꭰ',
      'ᾳ',
      'ὰ',
      '가',
      'א',
      '1',
      '\u200c',
    ),
    maxLength: 12,
  });
  fc.assert(
    fc.property(fc.oneof(text, letters), (given) => {
      for (const profile of [usernameCaseMapped, opaqueString]) {
        const once = profile(given);
        if (once !== undefined) assert.equal(profile(once), once);
      }
    }),
    { numRuns: 5000 },
  );
});
