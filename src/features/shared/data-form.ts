import { attr, child, children, type Element, el, text } from '../../xml/element.ts';

const NS = 'jabber:x:data';

/** The fields of a form: one value or several under each name. */
export type FormFields = Readonly<Record<string, string | readonly string[]>>;

/** Makes a form that tells something, of a registered type: XEP-0004 §3.2, XEP-0068. Fields without a value are left out. */
export function resultForm(formType: string, fields: FormFields): Element {
  const rest = Object.entries(fields)
    .map(([name, values]) => [name, typeof values === 'string' ? [values] : values] as const)
    .filter(([, values]) => values.length > 0);
  return el(
    'x',
    { xmlns: NS, type: 'result' },
    el('field', { var: 'FORM_TYPE', type: 'hidden' }, el('value', {}, formType)),
    ...rest.map(([name, values]) => el('field', { var: name }, ...values.map((value) => el('value', {}, value)))),
  );
}

/** A field of a form that must be filled in; `text-private` is not shown while it is typed. XEP-0004 §3.3. */
export interface InputField {
  readonly name: string;
  readonly type: 'text-single' | 'text-private';
  readonly label: string;
}

/** Makes a form that is to be filled in, of a registered type: XEP-0004 §3.2, XEP-0068. */
export function inputForm(formType: string, instructions: string, fields: readonly InputField[]): Element {
  return el(
    'x',
    { xmlns: NS, type: 'form' },
    el('instructions', {}, instructions),
    el('field', { var: 'FORM_TYPE', type: 'hidden' }, el('value', {}, formType)),
    ...fields.map(({ name, type, label }) => el('field', { var: name, type, label }, el('required'))),
  );
}

/** The first value of each field of the filled in form inside this element; `undefined` if there is none. XEP-0004 §3.2. */
export function submittedFields(parent: Element): ReadonlyMap<string, string> | undefined {
  const form = child(parent, 'x', NS);
  if (form === undefined || attr(form, 'type') !== 'submit') return undefined;
  return new Map(children(form, 'field').map((field) => [attr(field, 'var') ?? '', text(child(field, 'value'))]));
}
