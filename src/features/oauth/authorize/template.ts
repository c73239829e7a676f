import { type Html, type HtmlValue, html, trustedHtml } from '../../shared/html.ts';

/** A text with named places where something else is put. */
export interface Template {
  /** What is put there is escaped unless it is markup; nothing for a place without a value. */
  fill(values: Readonly<Record<string, HtmlValue>>): Html;
  /** The names of the places, as often as they come. */
  readonly places: readonly string[];
}

/** Reads markup of an operator, with places such as `{{siteName}}`. */
export function parseMarkup(text: string): Template {
  return parse(text, /\{\{\s*(\w*)\s*\}\}/, trustedHtml);
}

/** Reads a text for people, with places such as `{client}`; it holds no markup. */
export function parseText(text: string): Template {
  return parse(text, /\{(\w+)\}/, (part) => html`${part}`);
}

// Splitting by a pattern with one group gives texts and names by turns.
function parse(text: string, place: RegExp, literal: (part: string) => Html): Template {
  const parts = text.split(place);
  return {
    places: parts.filter((_, index) => index % 2 === 1),
    fill: (values) => html`${parts.map((part, index) => (index % 2 === 0 ? literal(part) : values[part]))}`,
  };
}
