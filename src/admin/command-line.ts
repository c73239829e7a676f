import { type ParseArgsConfig, parseArgs } from 'node:util';
import { nearest } from '../config/problem.ts';
import type { Arguments, CommandDescription, Parameter } from '../core/commands.ts';

/** What can be called on the command line: a command of the server, or something that the program does itself. */
export interface Entry extends CommandDescription {
  /** The name of something that may follow by its place: `FILE`. */
  readonly operand?: string;
  /** Whether the operand may be of several words, as the names of commands are. */
  readonly operandHasWords?: boolean;
  /** Whether it prints data, and so has `--json`. */
  readonly hasJson?: boolean;
}

/** What was typed, understood. */
export interface Invocation {
  readonly entry: Entry;
  readonly config: string | undefined;
  readonly json: boolean;
  readonly help: boolean;
  readonly operand: string | undefined;
  /** Without the secrets, which are never typed here. */
  readonly args: Arguments;
}

/** The command line makes no sense: exit code 2. The message says what would. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

type Options = NonNullable<ParseArgsConfig['options']>;

const GLOBAL: Options = {
  config: { type: 'string', short: 'c' },
  help: { type: 'boolean', short: 'h' },
};

/** The words that name a command, and what was found by them. */
export interface Words {
  readonly words: readonly string[];
  readonly entry: Entry | undefined;
  readonly config: string | undefined;
  readonly version: boolean;
  readonly help: boolean;
}

/** Finds out which command is meant, by the longest name that the first words are. */
export function findEntry(argv: readonly string[], entries: readonly Entry[]): Words {
  const options: Options = { ...GLOBAL, version: { type: 'boolean' } };
  const { values, positionals } = parseArgs({ args: [...argv], options, strict: false, allowPositionals: true });
  const words = positionals.slice(0, 2);
  const entry = entryOf(words.join(' '), entries) ?? entryOf(words[0] ?? '', entries);
  const { config } = values;
  return {
    words,
    entry,
    config: typeof config === 'string' ? config : undefined,
    version: values['version'] === true,
    help: values['help'] === true,
  };
}

/** Says why no command has these words, with the nearest that there is. */
export function unknownCommand(words: readonly string[], entries: readonly Entry[]): UsageError {
  // A running server tells of its own commands once more.
  const names = [...new Set(entries.map(({ name }) => name))];
  const [first = ''] = words;
  const group = names.filter((name) => name.startsWith(`${first} `));
  if (group.length > 0) {
    const given = words.join(' ');
    const hint = nearest(given, group);
    if (words.length === 1) return new UsageError(`"${first}" is not complete: ${group.join(', ')}`);
    return new UsageError(
      `there is no command "${given}"; ${hint === undefined ? group.join(', ') : `did you mean "${hint}"?`}`,
    );
  }
  const hint = nearest(words.join(' '), names) ?? nearest(first, [...names, ...names.map((name) => firstWord(name))]);
  return new UsageError(`there is no command "${first}"${hint === undefined ? '' : `; did you mean "${hint}"?`}`);
}

/** Understands a command line whose command is known. Throws UsageError. */
export function parseInvocation(argv: readonly string[], entry: Entry): Invocation {
  const { values, positionals } = parseStrictly(argv, entry);
  const given = positionals.slice(entry.name.split(' ').length);
  const config = values['config'];
  const help = values['help'] === true;
  const common = {
    entry,
    help,
    json: values['json'] === true,
    config: typeof config === 'string' ? config : undefined,
  };
  if (help) return { ...common, operand: undefined, args: {} };
  if (entry.operand !== undefined) {
    if (given.length > 1 && entry.operandHasWords !== true) {
      throw new UsageError(`"${entry.name}" takes one ${entry.operand}, not ${given.length}`);
    }
    return { ...common, operand: given.length === 0 ? undefined : given.join(' '), args: {} };
  }
  return { ...common, operand: undefined, args: { ...byPlace(entry, given, values), ...byName(entry, values) } };
}

/** The parameters that are taken by their place. */
export function placed({ parameters }: CommandDescription): Parameter[] {
  return parameters.filter((parameter) => parameter.optional !== true && parameter.kind !== 'secret');
}

/** The parameters that are taken by their name. */
export function named({ parameters }: CommandDescription): Parameter[] {
  return parameters.filter((parameter) => parameter.optional === true && parameter.kind !== 'secret');
}

function entryOf(name: string, entries: readonly Entry[]): Entry | undefined {
  return entries.find((entry) => entry.name === name);
}

function firstWord(name: string): string {
  return name.split(' ')[0] ?? name;
}

function parseStrictly(argv: readonly string[], entry: Entry) {
  const options: Options = { ...GLOBAL };
  if (entry.hasJson === true) options['json'] = { type: 'boolean' };
  for (const { name, kind } of named(entry)) options[name] = { type: kind === 'flag' ? 'boolean' : 'string' };
  try {
    return parseArgs({ args: [...argv], options, strict: true, allowPositionals: true });
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const [, option] = /Unknown option '(--?[^']+)'/.exec(error.message) ?? [];
    if (option === undefined) throw new UsageError(`${entry.name}: ${error.message.split('. ')[0]}`);
    const hint = nearest(option.replace(/^-+/, ''), Object.keys(options));
    const suggestion = hint === undefined ? '' : `; did you mean --${hint}?`;
    throw new UsageError(`"${entry.name}" has no option ${option}${suggestion}`);
  }
}

function byPlace(
  entry: Entry,
  given: readonly string[],
  values: Readonly<Record<string, unknown>>,
): Record<string, string> {
  const expected = placed(entry).filter(({ unless }) => unless === undefined || values[unless] !== true);
  if (given.length > expected.length && entry.parameters.some(({ kind }) => kind === 'secret')) {
    throw new UsageError(
      'a password is never taken from the command line, where other users and the history of the shell could see it: ' +
        'leave it out, and it is asked for, or read from standard input',
    );
  }
  const missing = expected[given.length];
  if (missing !== undefined) {
    const otherwise = missing.unless === undefined ? '' : ` or --${missing.unless}`;
    throw new UsageError(`"${entry.name}" needs ${missing.name.toUpperCase()}${otherwise}`);
  }
  if (given.length > expected.length) {
    throw new UsageError(`"${entry.name}" has no use for "${given[expected.length]}"`);
  }
  return Object.fromEntries(expected.map(({ name }, index) => [name, given[index] ?? '']));
}

function byName(entry: Entry, values: Readonly<Record<string, unknown>>): Record<string, string | number | boolean> {
  const args: Record<string, string | number | boolean> = {};
  for (const { name, kind } of named(entry)) {
    const value = values[name];
    if (value === undefined) continue;
    if (kind === 'count') args[name] = countOf(name, String(value));
    else args[name] = kind === 'flag' ? value === true : String(value);
  }
  return args;
}

function countOf(name: string, text: string): number {
  const count = /^\d{1,15}$/.test(text) ? Number(text) : 0;
  if (count < 1) throw new UsageError(`--${name} takes a whole number from 1, not "${text}"`);
  return count;
}
