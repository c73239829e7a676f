import { RunTable } from './run-table.ts';
import { BIDI_RUNS } from './tables.ts';

const NONSPACING_MARK = /[\p{Mn}\p{Me}]/u;

const bidiClasses = new RunTable(BIDI_RUNS, 'N');

/** Returns one letter for each code point: its class in `tables.ts`, or M for a nonspacing mark. */
function classesOf(text: string): string {
  let classes = '';
  for (const char of text) {
    classes += NONSPACING_MARK.test(char) ? 'M' : bidiClasses.valueAt(char.codePointAt(0) ?? 0);
  }
  return classes;
}

/**
 * Whether a text without right-to-left code points, or one that satisfies the Bidi Rule (RFC 5893 §2).
 *
 * A text that has a right-to-left code point but begins left-to-right fails condition 5, so conditions 5 and 6 leave
 * nothing to check.
 */
export function satisfiesBidiRule(text: string): boolean {
  const classes = classesOf(text);
  if (!/[RA]/.test(classes)) return true;
  const onlyRightToLeft = /^R[RAENM]*$/.test(classes); // conditions 1 and 2
  const endsWell = /[RAE]M*$/.test(classes); // condition 3
  const mixesDigits = classes.includes('A') && classes.includes('E'); // condition 4
  return onlyRightToLeft && endsWell && !mixesDigits;
}
