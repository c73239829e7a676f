import { satisfiesBidiRule } from './bidi-rule.ts';
import { contextRulesHold } from './context-rules.ts';
import { CONTEXT, DISALLOWED, derivedProperty, FREE_PVAL } from './derived-property.ts';

/** Whether a text keeps to a string class of RFC 8264 §4: IdentifierClass, or FreeformClass where `freeform`. */
function isInClass(text: string, freeform: boolean): boolean {
  let contextual = false;
  for (const char of text) {
    const property = derivedProperty(char.codePointAt(0) ?? 0);
    if (property === DISALLOWED || (property === FREE_PVAL && !freeform)) return false;
    if (property === CONTEXT) contextual = true;
  }
  return !contextual || contextRulesHold(text);
}

/** Whether a text keeps to the IdentifierClass (RFC 8264 §4.2). */
export function isIdentifier(text: string): boolean {
  return isInClass(text, false);
}

// Hangul is left out: a halfwidth jamo maps to a compatibility jamo, and neither is allowed in an identifier.
const FULLWIDTH_OR_HALFWIDTH = /[\uff01-\uff9f]/g;

/** Replaces fullwidth and halfwidth characters by their ordinary forms (RFC 8264 §5.2.1). */
export function mapWidth(text: string): string {
  return text.replace(FULLWIDTH_OR_HALFWIDTH, (char) => char.normalize('NFKC'));
}

// RFC 8264 §7: one application of the rules and three more; a text still changing then is refused.
const MAX_APPLICATIONS = 4;

function untilStable(text: string, apply: (text: string) => string | undefined): string | undefined {
  let current = text;
  for (let application = 0; application < MAX_APPLICATIONS; application++) {
    const next = apply(current);
    if (next === undefined || next === current) return next;
    current = next;
  }
  return undefined;
}

function applyUsernameCaseMapped(text: string): string | undefined {
  const narrow = mapWidth(text);
  if (!isIdentifier(narrow)) return undefined;
  const mapped = narrow.toLowerCase().normalize('NFC');
  return mapped !== '' && satisfiesBidiRule(mapped) ? mapped : undefined;
}

function applyOpaqueString(text: string): string | undefined {
  if (!isInClass(text, true)) return undefined;
  const mapped = text.replace(/\p{Zs}/gu, ' ').normalize('NFC');
  return mapped !== '' ? mapped : undefined;
}

/** Enforces the UsernameCaseMapped profile (RFC 8265 §3.3); undefined when the text is not allowed. */
export function usernameCaseMapped(text: string): string | undefined {
  return untilStable(text, applyUsernameCaseMapped);
}

/** Enforces the OpaqueString profile (RFC 8265 §4.2); undefined when the text is not allowed. */
export function opaqueString(text: string): string | undefined {
  return untilStable(text, applyOpaqueString);
}
