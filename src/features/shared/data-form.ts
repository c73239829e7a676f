import { attr, child, children, type Element, el, text } from '../../xml/element.ts';

const NS = 'jabber:x:data';
const NS_VALIDATE = 'http://jabber.org/protocol/xdata-validate';

/** The fields of a form: one value or several under each name. */
export type FormFields = Readonly<Record<string, string | readonly string[]>>;

/** How a field is shown and what it takes. XEP-0004 §3.3. */
export type FieldType =
  | 'boolean'
  | 'fixed'
  | 'hidden'
  | 'jid-multi'
  | 'jid-single'
  | 'list-multi'
  | 'list-single'
  | 'text-multi'
  | 'text-private'
  | 'text-single';

/** One of the values that a list offers. */
export interface FieldOption {
  readonly value: string;
  readonly label?: string;
}

/** A field of a form that is to be filled in; `text-private` is not shown while it is typed. XEP-0004 §3.3. */
export interface InputField {
  readonly name: string;
  readonly type: FieldType;
  readonly label: string;
  /** A sentence more than the label. */
  readonly doc?: string;
  /** What it holds before it is filled in. */
  readonly value?: string | boolean | readonly string[];
  /** Of `list-single` and `list-multi`. */
  readonly options?: readonly FieldOption[];
  /** May be left empty. Fields of the types `boolean`, `fixed` and `hidden` always may. */
  readonly isOptional?: boolean;
  /** Of a `text-single` that takes a whole number: the least and the greatest. XEP-0122. */
  readonly range?: { readonly min: number; readonly max: number };
}

/** A form that is to be filled in. XEP-0004 §3.2. */
export interface InputForm {
  readonly title?: string;
  readonly instructions?: string;
  /** Its registered type: XEP-0068. */
  readonly formType?: string;
  readonly fields: readonly InputField[];
}

/** A field of a form that tells something. */
export interface ResultField {
  readonly name: string;
  readonly type?: FieldType;
  readonly label?: string;
  readonly value: string | boolean | readonly string[];
}

/** The heading of a column of a table. */
export interface Column {
  readonly name: string;
  readonly label: string;
  readonly type?: FieldType;
}

/** A form that tells something: fields, a table, or both. XEP-0004 §3.2, §3.4. */
export interface ResultForm {
  readonly title?: string;
  readonly formType?: string;
  readonly fields?: readonly ResultField[];
  readonly table?: { readonly columns: readonly Column[]; readonly rows: readonly FormFields[] };
}

/** Makes a form that tells something, of a registered type: XEP-0004 §3.2, XEP-0068. Fields without a value are left out. */
export function resultForm(formType: string, fields: FormFields): Element {
  const all = Object.entries(fields).map(([name, value]) => ({ name, value }));
  return resultFormElement({
    formType,
    fields: all.filter(({ value }) => typeof value === 'string' || value.length > 0),
  });
}

/** Makes a form that is to be filled in, of a registered type: XEP-0004 §3.2, XEP-0068. */
export function inputForm(formType: string, instructions: string, fields: readonly InputField[]): Element {
  return inputFormElement({ formType, instructions, fields });
}

/** Makes the form that this describes. */
export function inputFormElement({ title, instructions, formType, fields }: InputForm): Element {
  return el(
    'x',
    { xmlns: NS, type: 'form' },
    title === undefined ? undefined : el('title', {}, title),
    instructions === undefined ? undefined : el('instructions', {}, instructions),
    formTypeField(formType),
    ...fields.map(inputFieldElement),
  );
}

/** Makes the form that this describes. */
export function resultFormElement({ title, formType, fields = [], table }: ResultForm): Element {
  const { columns, rows } = table ?? { columns: [], rows: [] };
  const reported = columns.map(({ name, label, type }) => el('field', { var: name, type, label }));
  return el(
    'x',
    { xmlns: NS, type: 'result' },
    title === undefined ? undefined : el('title', {}, title),
    formTypeField(formType),
    ...fields.map(({ name, type, label, value }) => el('field', { var: name, type, label }, ...valueElements(value))),
    table === undefined ? undefined : el('reported', {}, ...reported),
    ...rows.map((row) => itemElement(columns, row)),
  );
}

function formTypeField(formType: string | undefined): Element | undefined {
  if (formType === undefined) return undefined;
  return el('field', { var: 'FORM_TYPE', type: 'hidden' }, el('value', {}, formType));
}

function inputFieldElement(field: InputField): Element {
  const { name, type, label, doc, value, options = [], range } = field;
  return el(
    'field',
    { var: name, type, label },
    doc === undefined ? undefined : el('desc', {}, doc),
    isRequired(field) ? el('required') : undefined,
    range && rangeElement(range),
    ...(value === undefined ? [] : valueElements(value)),
    ...options.map((option) => el('option', { label: option.label }, el('value', {}, option.value))),
  );
}

// XEP-0122 §3.1.2.
function rangeElement({ min, max }: { readonly min: number; readonly max: number }): Element {
  const range = el('range', { min: String(min), max: String(max) });
  return el('validate', { xmlns: NS_VALIDATE, datatype: 'xs:integer' }, range);
}

// Each item has all the fields that were reported: XEP-0004 §3.4.
function itemElement(columns: readonly Column[], row: FormFields): Element {
  return el('item', {}, ...columns.map(({ name }) => el('field', { var: name }, ...valueElements(row[name] ?? ''))));
}

function valueElements(value: string | boolean | readonly string[]): Element[] {
  const values = typeof value === 'boolean' ? [value ? '1' : '0'] : typeof value === 'string' ? [value] : value;
  return values.map((one) => el('value', {}, one));
}

/** Whether a form is not complete without this field. */
export function isRequired({ type, isOptional }: InputField): boolean {
  return isOptional !== true && type !== 'boolean' && type !== 'fixed' && type !== 'hidden';
}

/** The first value of each field of the filled in form inside this element; `undefined` if there is none. XEP-0004 §3.2. */
export function submittedFields(parent: Element): ReadonlyMap<string, string> | undefined {
  const form = child(parent, 'x', NS);
  if (form === undefined || attr(form, 'type') !== 'submit') return undefined;
  return new Map(children(form, 'field').map((field) => [attr(field, 'var') ?? '', text(child(field, 'value'))]));
}
