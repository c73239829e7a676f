import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BlockList } from '../../../src/features/blocking/block-list.ts';
import { JID } from '../../../src/jid.ts';

const OWNER = JID.parse('juliet@capulet.example');

function matches(item: string, address: string): boolean {
  return new BlockList(OWNER, [item]).has(JID.parse(address));
}

const MATCHING: readonly (readonly [item: string, address: string, isBlocked: boolean])[] = [
  ['romeo@montague.example/orchard', 'romeo@montague.example/orchard', true],
  ['romeo@montague.example/orchard', 'romeo@montague.example/street', false],
  ['romeo@montague.example/orchard', 'romeo@montague.example', false],
  ['romeo@montague.example', 'romeo@montague.example', true],
  ['romeo@montague.example', 'romeo@montague.example/orchard', true],
  ['romeo@montague.example', 'mercutio@montague.example', false],
  ['romeo@montague.example', 'montague.example', false],
  ['montague.example/guard', 'montague.example/guard', true],
  ['montague.example/guard', 'montague.example', false],
  ['montague.example/guard', 'romeo@montague.example/guard', false],
  ['montague.example', 'montague.example', true],
  ['montague.example', 'montague.example/guard', true],
  ['montague.example', 'romeo@montague.example', true],
  ['montague.example', 'romeo@montague.example/orchard', true],
  ['montague.example', 'rooms.montague.example', false],
  ['capulet.example', 'tybalt@capulet.example/street', true],
  ['capulet.example', 'capulet.example', false],
  ['capulet.example', 'capulet.example/announce', false],
  ['capulet.example', 'juliet@capulet.example/balcony', false],
  ['juliet@capulet.example', 'juliet@capulet.example', false],
  ['juliet@capulet.example/balcony', 'juliet@capulet.example/balcony', false],
];

for (const [item, address, isBlocked] of MATCHING) {
  test(`whoever blocks ${item} ${isBlocked ? 'blocks' : 'does not block'} ${address}`, () => {
    assert.equal(matches(item, address), isBlocked);
  });
}
