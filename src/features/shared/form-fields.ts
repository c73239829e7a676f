import { type Html, html } from './html.ts';

/** A labelled field of a form. */
export interface Field {
  readonly name: string;
  readonly label: string;
  readonly type?: 'text' | 'password';
  /** What browsers and password managers fill in: a token of the HTML Standard, §4.10.18.7. */
  readonly autocomplete: string;
  readonly value?: string | undefined;
  readonly hint?: string | undefined;
  /** In UTF-16 units. */
  readonly maxLength?: number;
  readonly isCode?: boolean;
  readonly isOptional?: boolean;
  /** Whether the page begins here. */
  readonly isFirst?: boolean;
  /** The id of what says that it was filled in wrongly. */
  readonly problem?: string | undefined;
}

/** Renders a field with its label and hint. */
export function field(given: Field): Html {
  const { name, label, type = 'text', autocomplete, value = '', hint, maxLength = 1024 } = given;
  const typing = type === 'text' && html` autocapitalize="none" spellcheck="false"`;
  const required = given.isOptional !== true && html` required`;
  const focus = given.isFirst === true && html` autofocus`;
  const look = given.isCode === true && html` class="code"`;
  const about = [given.problem, hint && `${name}-hint`].filter((id) => id !== undefined).join(' ');
  const described = about !== '' && html` aria-describedby="${about}"`;
  const invalid = given.problem !== undefined && html` aria-invalid="true"`;
  return html`<div class="field">
<label for="${name}">${label}</label>
<input id="${name}" name="${name}" type="${type}" value="${value}" autocomplete="${autocomplete}" maxlength="${maxLength}"${typing}${required}${focus}${look}${described}${invalid}>
${hint !== undefined && html`<p class="quiet" id="${name}-hint">${hint}</p>`}
</div>`;
}

/** Renders what went wrong, or well, where readers of a screen hear it at once; fields can refer to it by its id. */
export function notice(text: string | undefined, kind: 'error' | 'good', id?: string): Html | undefined {
  if (text === undefined) return undefined;
  return html`<p${id !== undefined && html` id="${id}"`} class="notice ${kind}" role="${kind === 'error' ? 'alert' : 'status'}">${text}</p>`;
}
