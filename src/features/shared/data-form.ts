import { type Element, el } from '../../xml/element.ts';

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
