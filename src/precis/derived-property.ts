/**
 * What a code point may be used for (RFC 8264 §8): in any string, in free-form strings only, where a context rule
 * allows it (RFC 5892 Appendix A), or nowhere.
 */
export const PVALID = 1;
export const FREE_PVAL = 2;
export const CONTEXT = 3;
export const DISALLOWED = 4;

/** The derived property value of a code point. */
export type DerivedProperty = typeof PVALID | typeof FREE_PVAL | typeof CONTEXT | typeof DISALLOWED;

// RFC 8264 §9.6, the same list as RFC 5892 §2.6.
const EXCEPTION_PVALID = /[\u00df\u03c2\u06fd\u06fe\u0f0b\u3007]/;
const EXCEPTION_CONTEXT = /[\u00b7\u0375\u05f3\u05f4\u30fb\u0660-\u0669\u06f0-\u06f9]/;
const EXCEPTION_DISALLOWED = /[\u0640\u07fa\u302e\u302f\u3031-\u3035\u303b]/;
const UNASSIGNED = /\p{Unassigned}/u;
const ASCII7 = /[!-~]/;
const JOIN_CONTROL = /\p{Join_Control}/u;
// Hangul_Syllable_Type L, V or T: the conjoining jamo blocks.
const OLD_HANGUL_JAMO = /[\u1100-\u11ff\ua960-\ua97c\ud7b0-\ud7c6\ud7cb-\ud7fb]/;
const PRECIS_IGNORABLE = /[\p{Default_Ignorable_Code_Point}\p{Noncharacter_Code_Point}]/u;
const CONTROL = /\p{Cc}/u;
const LETTER_DIGIT = /[\p{Ll}\p{Lu}\p{Lo}\p{Nd}\p{Lm}\p{Mn}\p{Mc}]/u;
const FREE_FORM = /[\p{Lt}\p{Nl}\p{No}\p{Me}\p{Zs}\p{S}\p{P}]/u;

function derive(char: string): DerivedProperty {
  if (EXCEPTION_PVALID.test(char)) return PVALID;
  if (EXCEPTION_CONTEXT.test(char)) return CONTEXT;
  if (EXCEPTION_DISALLOWED.test(char)) return DISALLOWED;
  if (UNASSIGNED.test(char)) return DISALLOWED;
  if (ASCII7.test(char)) return PVALID;
  if (JOIN_CONTROL.test(char)) return CONTEXT;
  if (OLD_HANGUL_JAMO.test(char)) return DISALLOWED;
  if (PRECIS_IGNORABLE.test(char)) return DISALLOWED;
  if (CONTROL.test(char)) return DISALLOWED;
  if (char.normalize('NFKC') !== char) return FREE_PVAL; // HasCompat, §9.17
  if (LETTER_DIGIT.test(char)) return PVALID;
  if (FREE_FORM.test(char)) return FREE_PVAL;
  return DISALLOWED;
}

// One byte for every code point, filled in when a code point is first met.
const known = new Uint8Array(0x110000);

/** Returns the derived property of a code point: the algorithm of RFC 8264 §8, its steps in its order. */
export function derivedProperty(codePoint: number): DerivedProperty {
  const memo = known[codePoint];
  if (memo === PVALID || memo === FREE_PVAL || memo === CONTEXT || memo === DISALLOWED) return memo;
  const property = derive(String.fromCodePoint(codePoint));
  known[codePoint] = property;
  return property;
}
