import { UNKNOWN } from './api.ts';
import { fromLua, isLuaPattern } from './lua-pattern.ts';
import { costOf } from './pattern-cost.ts';

/** Only so much of a resource is matched, in UTF-16 units: names of clients are shorter. */
export const MAX_MATCHED = 128;
/** The longest pattern, in the same unit. */
export const MAX_PATTERN = 256;
/** Two repetitions that begin anywhere: some milliseconds at worst. */
const MAX_COST = MAX_MATCHED ** 3;

/** A pattern and what clients are whose resource matches it, as configured. */
export interface ClientPattern {
  readonly pattern: string;
  readonly category: string;
}

/** Whether a text is a regular expression, or a pattern of Lua that can be made one. */
export function isPattern(text: string): boolean {
  return regularExpressionOf(text) !== undefined;
}

/** Whether matching a valid pattern takes a short time, whatever it is matched with. */
export function isQuick(text: string): boolean {
  const expression = regularExpressionOf(text);
  return expression !== undefined && costOf(expression.source, MAX_MATCHED) <= MAX_COST;
}

/** Tells the category of a client by its resource: that of the first pattern that matches. */
export class ClientPatterns {
  readonly #patterns: readonly { readonly expression: RegExp; readonly category: string }[];

  /** The patterns are quick ones. */
  constructor(patterns: readonly ClientPattern[]) {
    this.#patterns = patterns.flatMap(({ pattern, category }) => {
      const expression = regularExpressionOf(pattern);
      return expression === undefined ? [] : [{ expression, category }];
    });
  }

  /** `?` when none matches. */
  categoryOf(resource: string): string {
    const matched = resource.slice(0, MAX_MATCHED);
    return this.#patterns.find(({ expression }) => expression.test(matched))?.category ?? UNKNOWN;
  }
}

/** The patterns of Lua among some, and what each is as a regular expression. */
export function conversions(patterns: readonly ClientPattern[]): readonly (readonly [from: string, to: string])[] {
  return patterns.flatMap(({ pattern }) => (isLuaPattern(pattern) ? [[pattern, fromLua(pattern)] as const] : []));
}

function regularExpressionOf(text: string): RegExp | undefined {
  try {
    return new RegExp(isLuaPattern(text) ? fromLua(text) : text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
