import { type Arguments, type Command, CommandError, type Json, type Parameter } from '../../core/commands.ts';
import { execute } from '../../core/execute.ts';
import type { Column, FieldType, InputField, ResultField, ResultForm } from '../shared/data-form.ts';
import type { FormValues } from '../shared/form-values.ts';
import type { AdHocResult } from './api.ts';

/** An answer of at most so many lines is told in a note; a longer one in a field. */
const MAX_NOTE_LINES = 3;

/** How many rows of a table, or lines of a text, one answer has: more than what waits for a client may have bytes ends it. */
const MAX_ROWS = 1000;

/** How each kind of parameter is asked for. */
const FIELD_TYPES: Readonly<Record<Parameter['kind'], FieldType>> = {
  text: 'text-single',
  jid: 'jid-single',
  count: 'text-single',
  secret: 'text-private',
  flag: 'boolean',
};

type Scalar = string | number | boolean | null;
type Flat = Readonly<Record<string, Scalar | readonly Scalar[]>>;

/** The field of a form by which a parameter is asked for. */
export function fieldOf({ name, kind, doc, optional, unless }: Parameter): InputField {
  return {
    name,
    type: FIELD_TYPES[kind],
    label: doc,
    isOptional: optional === true || unless !== undefined,
    ...(kind === 'count' ? { range: { min: 1, max: Number.MAX_SAFE_INTEGER } } : {}),
  };
}

/** The arguments that a filled in form stands for. */
export function argumentsOf(parameters: readonly Parameter[], values: FormValues): Arguments {
  const read = (kind: Parameter['kind'], name: string): string | number | boolean | undefined => {
    if (kind === 'flag') return values.flag(name);
    return kind === 'count' ? values.number(name) : values.text(name);
  };
  const given = parameters.filter(({ name }) => values.text(name) !== undefined);
  return Object.fromEntries(given.map(({ name, kind }) => [name, read(kind, name)]));
}

/** Runs a command of operators. Throws CommandError when it refuses, and what no command should throw. */
export async function runCommand(
  command: Command,
  args: Arguments,
): Promise<{ readonly answer: Json; readonly text: string }> {
  const faults: unknown[] = [];
  const outcome = await execute([command], { command: command.name, args }, (error) => faults.push(error));
  if (faults.length > 0) throw faults[0];
  if (!outcome.ok) throw new CommandError(outcome.error);
  return outcome;
}

/**
 * An answer as a form: its one list becomes a table, what is simple becomes fields, and where something is neither, the
 * text for people takes its place.
 */
export function resultOf(title: string, answer: Json, text: string): AdHocResult {
  const form = formOf(title, answer);
  const lines = text.split('\n');
  if (form?.table !== undefined) {
    const { columns, rows } = form.table;
    return { result: { ...form, table: { columns, rows: rows.slice(0, MAX_ROWS) } }, ...omission(rows.length) };
  }
  if (lines.length <= MAX_NOTE_LINES) {
    const notes = [{ type: 'info', text }] as const;
    return form === undefined ? { notes } : { result: form, notes };
  }
  const value = lines.slice(0, MAX_ROWS);
  const fields = [{ name: 'answer', type: 'text-multi', label: title, value }] as const;
  return { result: { title, fields }, ...omission(lines.length) };
}

function omission(count: number): Pick<AdHocResult, 'notes'> {
  if (count <= MAX_ROWS) return {};
  const text = `Only the first ${MAX_ROWS} of ${count} are shown; the command line shows all.`;
  return { notes: [{ type: 'warn', text }] };
}

function formOf(title: string, answer: Json): ResultForm | undefined {
  if (!isRecord(answer)) return undefined;
  const fields: ResultField[] = [];
  const tables: [name: string, rows: readonly Flat[]][] = [];
  for (const [name, value] of Object.entries(answer)) {
    if (isScalar(value)) fields.push({ name, type: 'text-single', label: name, value: textOf(value) });
    else if (isList(value) && value.length > 0 && value.every(isFlat)) tables.push([name, value]);
    else if (isList(value) && value.every(isScalar)) {
      fields.push({ name, type: 'text-multi', label: name, value: value.map(textOf) });
    } else return undefined;
  }
  const [first, second] = tables;
  if (second !== undefined) return undefined;
  return first === undefined ? { title, fields } : { title, fields, table: tableOf(first[1]) };
}

function tableOf(rows: readonly Flat[]): NonNullable<ResultForm['table']> {
  const names = new Set(rows.flatMap((row) => Object.keys(row)));
  const columns: Column[] = [...names].map((name) => ({ name, label: name, type: 'text-single' }));
  return { columns, rows: rows.map(cellsOf) };
}

function cellsOf(row: Flat): Record<string, string> {
  const cells = Object.entries(row).map(([name, value]) => [
    name,
    isScalar(value) ? textOf(value) : value.map(textOf).join(', '),
  ]);
  return Object.fromEntries(cells);
}

function textOf(value: Scalar): string {
  return value === null ? '' : String(value);
}

function isScalar(value: Json | undefined): value is Scalar {
  return typeof value !== 'object' || value === null;
}

function isList(value: Json): value is readonly Json[] {
  return Array.isArray(value);
}

function isRecord(value: Json): value is { readonly [name: string]: Json } {
  return !isScalar(value) && !isList(value);
}

function isFlat(value: Json): value is Flat {
  return isRecord(value) && Object.values(value).every((one) => isScalar(one) || (isList(one) && one.every(isScalar)));
}
