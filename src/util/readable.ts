import { unguessableBytes } from './ids.ts';

// Letters and digits that cannot be taken for one another, of which 32 are left: five bits each.
const LETTERS = 'abcdefghijkmnpqrstuvwxyz23456789';
const GROUP = 5;

/** Returns unguessable letters, five bits each, in groups of five that can be read aloud and typed. */
export function readableSecret(groups: number): string {
  const letters = Array.from(unguessableBytes(groups * GROUP), (byte) => LETTERS[byte % LETTERS.length]).join('');
  return letters.replace(/.{5}(?=.)/g, '$&-');
}
