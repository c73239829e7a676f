import { JID, JidError } from '../../jid.ts';
import { attr, child, children, type Element, text } from '../../xml/element.ts';
import { type InputField, isRequired } from './data-form.ts';

const NS = 'jabber:x:data';
const TRUE: readonly string[] = ['1', 'true'];
const BOOLEANS: readonly string[] = [...TRUE, '0', 'false'];
const WHOLE_NUMBER = /^[+-]?\d{1,16}$/;

/** What somebody filled in: the values of a form by the names of its fields. What was left empty is as if not there. */
export class FormValues {
  static readonly NONE = new FormValues(new Map());
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(values: ReadonlyMap<string, readonly string[]>) {
    this.#values = values;
  }

  /** The first value of a field. */
  text(name: string): string | undefined {
    return this.list(name)[0];
  }

  /** All values of a field. */
  list(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  /** Whether a `boolean` field is ticked; `otherwise` if it is not there. */
  flag(name: string, otherwise = false): boolean {
    const value = this.text(name);
    return value === undefined ? otherwise : TRUE.includes(value);
  }

  /** The number in a field with a `range`. */
  number(name: string): number | undefined {
    const value = this.text(name);
    return value === undefined ? undefined : Number(value);
  }

  /** The addresses in a `jid-multi` field. Throws JidError where one is none. */
  jids(name: string): readonly JID[] {
    return this.list(name).map((value) => JID.parse(value));
  }
}

/** Reads the form of one of these types that is inside an element; `undefined` if there is none. XEP-0004 §3.2. */
export function formValues(parent: Element, types: readonly string[] = ['submit']): FormValues | undefined {
  const form = children(parent, 'x', NS).find((x) => types.includes(attr(x, 'type') ?? ''));
  if (form === undefined) return undefined;
  const values = new Map<string, readonly string[]>();
  for (const field of children(form, 'field')) {
    const name = attr(field, 'var');
    if (name !== undefined) values.set(name, valuesOf(field));
  }
  return new FormValues(values);
}

// An empty value is what many clients send for a field that was left alone.
function valuesOf(field: Element): string[] {
  if (child(field, 'value') === undefined) return [];
  const values = children(field, 'value').map((value) => text(value));
  return values.length === 1 && values[0] === '' ? [] : values;
}

/** Says what is wrong with the values for a form of these fields; `undefined` when they fit. */
export function problemWith(values: FormValues, fields: readonly InputField[]): string | undefined {
  for (const field of fields) {
    const given = values.list(field.name);
    if (given.length === 0 && isRequired(field)) return `${field.name} is missing`;
    const problem = field.type === 'fixed' ? undefined : problemOf(field, given);
    if (problem !== undefined) return `${field.name} ${problem}`;
  }
  return undefined;
}

function problemOf({ type, options = [], range }: InputField, given: readonly string[]): string | undefined {
  const isMulti = type === 'text-multi' || type === 'jid-multi' || type === 'list-multi';
  if (given.length > 1 && !isMulti) return 'takes one value';
  for (const value of given) {
    if (type === 'boolean' && !BOOLEANS.includes(value)) return 'is not a boolean';
    if (type.startsWith('jid-') && !isJid(value)) return 'is not an address';
    if (type.startsWith('list-') && !options.some((option) => option.value === value)) return 'is none of the options';
    if (range === undefined) continue;
    const isInRange = WHOLE_NUMBER.test(value) && Number(value) >= range.min && Number(value) <= range.max;
    if (!isInRange) return `is not a whole number from ${range.min} to ${range.max}`;
  }
  return undefined;
}

function isJid(value: string): boolean {
  try {
    JID.parse(value);
    return true;
  } catch (error) {
    if (error instanceof JidError) return false;
    throw error;
  }
}
