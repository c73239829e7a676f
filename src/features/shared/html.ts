/** Text that is markup already. Only `html` makes it. */
export class Html {
  readonly markup: string;

  constructor(markup: string) {
    this.markup = markup;
  }

  toString(): string {
    return this.markup;
  }
}

/** What can stand in a template: text is escaped, markup is not; of nothing and of `false` nothing is left. */
export type HtmlValue = string | number | Html | undefined | false | readonly HtmlValue[];

/** Makes markup of a template whose values are escaped, in texts and in quoted attributes alike. */
export function html(strings: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return new Html(strings.map((text, i) => (i === 0 ? text : `${rendered(values[i - 1])}${text}`)).join(''));
}

/** Takes markup as it is that a library or a file of the operator made: nothing that a peer said. */
export function trustedHtml(markup: string): Html {
  return new Html(markup);
}

/** Escapes text for HTML, be it between tags or in a quoted attribute. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => ESCAPES[char] ?? char);
}

const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

function rendered(value: HtmlValue): string {
  if (value === undefined || value === false) return '';
  if (value instanceof Html) return value.markup;
  if (typeof value === 'object') return value.map(rendered).join('');
  return escapeHtml(String(value));
}
