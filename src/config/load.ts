import { dirname, resolve } from 'node:path';
import * as v from 'valibot';
import { checkTogether } from './check.ts';
import { type Config, defineConfig } from './config.ts';
import { JsonError, parseJson } from './json.ts';
import { ConfigError, type ConfigProblem, joinPath, nearest, quote, quoteType } from './problem.ts';
import { type Section, strictly } from './schema.ts';
import { processSurroundings, type Surroundings, within } from './surroundings.ts';

/** The largest configuration file that is read, in characters. */
const MAX_FILE_CHARACTERS = 1_048_576;

/** What loading depends on besides the file. */
export interface LoadOptions {
  /** Each feature's name and section; `undefined` for a feature without options. */
  readonly sections: Readonly<Record<string, Section | undefined>>;
  /** The environment for `{"env": …}`; the process's own unless given. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Returns a file's text or throws; the file system unless given. */
  readonly readFile?: (path: string) => string;
}

/** A configuration, and what is allowed in it but hardly meant. */
export interface Loaded {
  readonly config: Config;
  readonly warnings: readonly string[];
}

/**
 * Reads and checks the configuration file at `path`; without one, everything is default. Throws `ConfigError` with
 * all problems of the file, its secrets included.
 */
export function loadConfig(path: string | undefined, options: LoadOptions): Loaded {
  const file = path === undefined ? undefined : resolve(path);
  const surroundings = surroundingsOf(file, options);
  const source = file ?? 'the default configuration';
  const input = file === undefined ? {} : readInput(file, surroundings.readFile);
  const config = parse(defineConfig(options.sections), input, source, surroundings);
  const { problems, warnings } = checkTogether(config);
  if (problems.length > 0) throw new ConfigError(source, problems);
  return { config, warnings };
}

/**
 * Returns the data directory that a configuration file names, whatever else is wrong with it; undefined when that cannot
 * be told.
 */
export function dataDirOf(path: string | undefined, options: LoadOptions): string | undefined {
  const file = path === undefined ? undefined : resolve(path);
  const surroundings = surroundingsOf(file, options);
  const { dataDir } = defineConfig(options.sections).entries;
  try {
    const input = file === undefined ? {} : readInput(file, surroundings.readFile);
    return within(surroundings, () => v.parse(strictly(v.object({ dataDir }, 'an object')), input).dataDir);
  } catch (error) {
    if (error instanceof ConfigError || error instanceof v.ValiError) return undefined;
    throw error;
  }
}

/**
 * Parses one section by itself, as a test of a feature does. Throws `ConfigError` with all problems; an absent input
 * gives the defaults.
 */
export function parseSection<T>(section: Section<T>, input: unknown = {}): T {
  return parse(section, input, 'the section', processSurroundings());
}

function surroundingsOf(file: string | undefined, { env, readFile }: LoadOptions): Surroundings {
  const defaults = processSurroundings();
  return {
    folder: file === undefined ? defaults.folder : dirname(file),
    env: env ?? defaults.env,
    readFile: readFile ?? defaults.readFile,
  };
}

function parse<T>(section: Section<T>, input: unknown, source: string, surroundings: Surroundings): T {
  const result = within(surroundings, () => v.safeParse(section, input, { abortPipeEarly: true }));
  if (!result.success) throw new ConfigError(source, result.issues.map(toProblem));
  return result.output;
}

function readInput(file: string, readFile: (path: string) => string): unknown {
  let text: string;
  try {
    text = readFile(file);
  } catch (error) {
    const found = error instanceof Error ? error.message : String(error);
    throw new ConfigError(file, [{ path: '', expected: 'a readable file', found }]);
  }
  if (text.length > MAX_FILE_CHARACTERS) {
    const expected = `at most ${MAX_FILE_CHARACTERS} characters`;
    throw new ConfigError(file, [{ path: '', expected, found: `${text.length}` }]);
  }
  return withoutSchema(parseText(file, text));
}

function parseText(file: string, text: string): unknown {
  try {
    return parseJson(text);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    const { line, column, expected, found } = error;
    throw new ConfigError(`${file}:${line}:${column}`, [{ path: '', expected, found }]);
  }
}

/** Drops the name of the schema, which is for editors. */
function withoutSchema(input: unknown): unknown {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) return input;
  const { $schema: _, ...rest } = { $schema: undefined, ...input };
  return rest;
}

function toProblem(issue: v.BaseIssue<unknown>): ConfigProblem {
  const keys = issue.path?.map((item) => item.key) ?? [];
  const path = keys.reduce<string>((parent, key) => joinPath(parent, typeof key === 'number' ? key : String(key)), '');
  const names = [...(issue.expected ?? '').matchAll(/"([^"]*)"/g)].map((match) => match[1] ?? '');
  const suggestion = typeof issue.input === 'string' ? nearest(issue.input, names) : undefined;
  // Only secrets and switches are unions; what is in the place of a secret may be one.
  const found = issue.type === 'union' ? quoteType(issue.input) : quote(issue.input);
  const problem = { path, expected: issue.message, found };
  return suggestion === undefined ? problem : { ...problem, suggestion };
}
