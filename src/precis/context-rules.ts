import { RunTable } from './run-table.ts';
import { JOINING_RUNS, VIRAMA_RUNS } from './tables.ts';

// RFC 5892 Appendix A.3 to A.6: what a misplaced code point looks like.
const MISPLACED = [
  /(?<!l)\u00b7|\u00b7(?!l)/, // middle dot: between two l, as in Catalan
  /\u0375(?!\p{Script=Greek})/u, // keraia: before Greek
  /(?<!\p{Script=Hebrew})[\u05f3\u05f4]/u, // geresh and gershayim: after Hebrew
];
const KATAKANA_MIDDLE_DOT = /\u30fb/;
const JAPANESE = /[\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Han}]/u;
const ARABIC_INDIC_DIGIT = /[\u0660-\u0669]/;
const EXTENDED_ARABIC_INDIC_DIGIT = /[\u06f0-\u06f9]/;
const NONSPACING_MARK = /[\p{Mn}\p{Me}]/u;

const ZERO_WIDTH_NON_JOINER = '\u200c';
const ZERO_WIDTH_JOINER = '\u200d';

const joiningTypes = new RunTable(JOINING_RUNS, 'U');
const viramas = new RunTable(VIRAMA_RUNS, 'U');

function lookUp(table: RunTable, char: string | undefined): string {
  return table.valueAt(char?.codePointAt(0) ?? 0);
}

function joiningType(char: string | undefined): string {
  return NONSPACING_MARK.test(char ?? '') ? 'T' : lookUp(joiningTypes, char);
}

/** Returns the Joining_Type of the nearest character that is not transparent, from `index` on in steps of `step`. */
function nextJoiningType(chars: readonly string[], index: number, step: 1 | -1): string {
  let at = index + step;
  let type = joiningType(chars[at]);
  while (type === 'T') {
    at += step;
    type = joiningType(chars[at]);
  }
  return type;
}

/** Appendix A.1 and A.2: a joiner follows a virama; the non-joiner may also part two letters that would join. */
function joinersInPlace(text: string): boolean {
  const chars = [...text];
  return chars.every((char, index) => {
    if (char !== ZERO_WIDTH_NON_JOINER && char !== ZERO_WIDTH_JOINER) return true;
    if (lookUp(viramas, chars[index - 1]) === 'V') return true;
    if (char === ZERO_WIDTH_JOINER) return false;
    return 'LD'.includes(nextJoiningType(chars, index, -1)) && 'RD'.includes(nextJoiningType(chars, index, 1));
  });
}

/** Whether every code point that needs a context stands in it (RFC 5892 Appendix A). */
export function contextRulesHold(text: string): boolean {
  if (MISPLACED.some((misplaced) => misplaced.test(text))) return false;
  if (KATAKANA_MIDDLE_DOT.test(text) && !JAPANESE.test(text)) return false;
  if (ARABIC_INDIC_DIGIT.test(text) && EXTENDED_ARABIC_INDIC_DIGIT.test(text)) return false;
  return joinersInPlace(text);
}
