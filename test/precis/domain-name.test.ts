import assert from 'node:assert/strict';
import { test } from 'node:test';
import { domainName } from '../../src/precis/domain-name.ts';

function check(table: Readonly<Record<string, string | undefined>>): void {
  for (const [text, expected] of Object.entries(table)) {
    assert.equal(domainName(text), expected, JSON.stringify(text));
    if (expected !== undefined) assert.equal(domainName(expected), expected, `again: ${JSON.stringify(expected)}`);
  }
}

test('a name of letters, digits and hyphens is mapped to lower case', () => {
  check({
    'verona.example': 'verona.example',
    'VERONA.Example': 'verona.example',
    localhost: 'localhost',
    'a-b.4.c4': 'a-b.4.c4',
    'r1---s2.example': 'r1---s2.example',
    'axn--b.example': 'axn--b.example',
  });
});

test('one final dot is removed', () => {
  check({ 'verona.example.': 'verona.example', 'verona.example..': undefined, '.': undefined, '': undefined });
});

test('a label is 1 to 63 octets, those of an A-label counted', () => {
  check({
    [`${'a'.repeat(63)}.example`]: `${'a'.repeat(63)}.example`,
    [`${'a'.repeat(64)}.example`]: undefined,
    'a..example': undefined,
    '.example': undefined,
    [`${'ж'.repeat(70)}.example`]: undefined,
  });
});

test('other ASCII characters are refused, with or without other labels in Unicode', () => {
  for (const char of ' !"#$%&\'()*+,/:;<=>?@[\\]^_`{|}~\t\n\0\x7f') {
    for (const text of [
      `a${char}b`,
      `a${char}`,
      `${char}a`,
      `é${char}b`,
      `xn--9ca${char}b`,
      `é.a${char}b`,
      `xn--9ca${char}.b`,
    ]) {
      assert.equal(domainName(text), undefined, JSON.stringify(text));
    }
  }
  check({ '-a.example': undefined, 'a-.example': undefined });
});

test('an IP address is kept in its one normal form', () => {
  check({
    '192.0.2.1': '192.0.2.1',
    '192.0.2.1.': '192.0.2.1',
    '[::1]': '[::1]',
    '[2001:DB8:0:0::0001]': '[2001:db8::1]',
    '[::ffff:192.0.2.1]': '[::ffff:c000:201]',
    '[fe80::1%eth0]': undefined,
    '[::1': undefined,
    '[::1]a': undefined,
    '[]': undefined,
    '[192.0.2.1]': undefined,
    '[v1.a]': undefined,
    '::1': undefined,
  });
});

test('what a resolver might read as an IPv4 address is not taken for one', () => {
  for (const text of [
    '127.1',
    '1',
    '0x7f.1',
    '0x7f000001',
    '0300.0.2.1',
    '192.0.2.256',
    '1.2.3.4.5',
    'a.1',
    'a.0x',
    'é.1',
  ]) {
    assert.equal(domainName(text), undefined, text);
  }
  check({ '１９２.０.２.１': '192.0.2.1', '１２７.１': undefined });
});

test('A-labels become U-labels, so that an international name has one form', () => {
  check({
    'xn--fuball-cta.example': 'fußball.example',
    'XN--FUBALL-CTA.EXAMPLE': 'fußball.example',
    'fußball.example': 'fußball.example',
    'FUSSBALL.example': 'fussball.example',
    'BÜCHER.example': 'bücher.example',
    'bu\u0308cher.example': 'bücher.example',
    'ΟΔΟΣ.example': 'οδοσ.example',
    'οδος.example': 'οδος.example',
    'ｖｅｒｏｎａ。example': 'verona.example',
    'a．b｡c。': 'a.b.c',
    'xn--58d.example': 'Ꭰ.example',
    'Ꭰ.example': 'Ꭰ.example',
  });
});

test('an A-label that does not decode to a U-label is refused', () => {
  // In turn: empty, not punycode, ASCII only, a symbol, an upper-case letter, a letter not in form C.
  for (const label of ['xn--', 'xn--a', 'xn--abc-', 'xn--n3h', 'xn--dca', 'xn--u-ccb', 'xn--xn---epa']) {
    assert.equal(domainName(`${label}.example`), undefined, label);
  }
});

test('a U-label holds what IDNA2008 allows, and nothing that UTS 46 would quietly drop or replace', () => {
  const refused = [
    '☃',
    '😀',
    'ver\u00adona',
    'ver\u200bona',
    'ﬁ\u00e9',
    '\u2163',
    '℀',
    'é\u200d',
    '\u0301a',
    'é-',
    '-é',
    'éé--a',
    '\u0640ب',
  ];
  for (const label of refused) assert.equal(domainName(`${label}.example`), undefined, JSON.stringify(label));
  check({
    'אב.example': 'אב.example',
    'אa.example': undefined,
    '٣.example': undefined,
    'col·lecta.cat': 'col·lecta.cat',
  });
});
