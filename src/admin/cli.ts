import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Config } from '../config/config.ts';
import type { Loaded } from '../config/load.ts';
import { ConfigError, describeProblem } from '../config/problem.ts';
import { type Arguments, CommandError, type Json, type Progress } from '../core/commands.ts';
import { ListenError } from '../net/listen.ts';
import { StoreError } from '../store/store.ts';
import { CertificateError } from '../tls/certificate-files.ts';
import { greetedBy } from './client.ts';
import { type Entry, findEntry, type Invocation, parseInvocation, UsageError, unknownCommand } from './command-line.ts';
import { BUILT_IN } from './commands/all.ts';
import { reload } from './commands/server.ts';
import { ControlError } from './control-socket.ts';
import { controlPath } from './protocol.ts';
import { type OpenedStore, type ReachOptions, reach } from './reach.ts';
import { printable } from './table.ts';
import { type Input, Interrupted, type Output, readNewPassword } from './terminal.ts';
import { beginTransfer } from './transfer.ts';
import { usage, usageOf } from './usage.ts';

/** The world around the program. */
export interface Io {
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The working directory. */
  readonly cwd: string;
  /** The version of the package. */
  readonly version: string;
  /** How people call the program: `parley`, or `npx parley` in a clone. */
  readonly program: string;
}

/** What the command line sets in motion. */
export interface Program {
  /** Reads a configuration file, or none. Throws ConfigError. */
  load(file: string | undefined): Loaded;
  /** Where the data is by a file that may have problems; undefined when that cannot be told. */
  dataDirOf(file: string | undefined): string | undefined;
  /** Runs the server until it is told to stop; resolves with the exit code. */
  serve(loaded: Loaded, file: string | undefined): Promise<number>;
  /** Opens the store without serving. Throws StoreError. */
  open(config: Config): Promise<OpenedStore>;
}

const OK = 0;
const FAILED = 1;
const USAGE = 2;
/** What shells report of a program that Ctrl-C ended. */
const INTERRUPTED = 130;

/** The file that is read when none is named. */
const DEFAULT_FILE = 'parley.json';

/** What the program does by itself, before and behind the commands in the help. */
const SERVE: Entry = { name: 'serve', summary: 'Runs the server.', parameters: [] };
const CHECK_CONFIG: Entry = {
  name: 'check-config',
  summary: 'Checks a configuration without using it.',
  parameters: [],
  operand: 'FILE',
  hasJson: true,
};
const VERSION: Entry = { name: 'version', summary: 'Prints the version.', parameters: [], hasJson: true };
const HELP: Entry = {
  name: 'help',
  summary: 'Explains a command.',
  parameters: [],
  operand: 'COMMAND',
  operandHasWords: true,
};

const COMMANDS: readonly Entry[] = BUILT_IN.map((command) => ({ ...command, hasJson: true }));
const ENTRIES: readonly Entry[] = [SERVE, CHECK_CONFIG, ...COMMANDS, VERSION, HELP];

/** Errors whose message is meant for the operator as it is. */
const READABLE = [CommandError, ConfigError, StoreError, CertificateError, ListenError, ControlError];

/** Does what a command line says; returns the exit code: 0 ok, 1 failed, 2 wrong command line. Never rejects. */
export async function runCli(argv: readonly string[], io: Io, program: Program): Promise<number> {
  try {
    return await run(argv, io, program);
  } catch (error) {
    if (error instanceof Interrupted) return INTERRUPTED;
    if (error instanceof UsageError) {
      io.stderr.write(`parley: ${printable(error.message)}\nSee: ${io.program} help\n`);
      return USAGE;
    }
    io.stderr.write(`parley: ${failureText(error)}\n`);
    return FAILED;
  }
}

/** What an operator is told of an error: its message where it was written for operators, and all there is of a bug. */
export function failureText(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (READABLE.some((readable) => error instanceof readable)) return error.message;
  return `a fault in the program: ${error.stack ?? error.message}`;
}

async function run(argv: readonly string[], io: Io, program: Program): Promise<number> {
  const { words, entry, version, help } = findEntry(argv, ENTRIES);
  if (entry !== undefined) return call(parseInvocation(argv, entry), io, program);
  if (version) return print(io, io.version);
  const [word] = words;
  if (word === undefined && help) return print(io, usage(io.program, ENTRIES));
  if (word === undefined) {
    io.stderr.write(`${usage(io.program, ENTRIES)}\n`);
    return USAGE;
  }
  const group = COMMANDS.filter(({ name }) => name.startsWith(`${word} `));
  if (help && words.length === 1 && group.length > 0) return print(io, usage(io.program, group));
  const known = await featureCommands(argv, io, program);
  const found = findEntry(argv, known).entry;
  if (found === undefined) throw unknownCommand(words, [...ENTRIES, ...known]);
  return call(parseInvocation(argv, found), io, program);
}

/** The commands that only the running server knows: those of its features. */
async function featureCommands(argv: readonly string[], io: Io, program: Program): Promise<Entry[]> {
  try {
    const dataDir = program.dataDirOf(configFile(findEntry(argv, []).config, io));
    const greeting = dataDir === undefined ? undefined : await greetedBy(controlPath(dataDir));
    return (greeting?.commands ?? []).map((command) => ({ ...command, hasJson: true }));
  } catch {
    // What was typed is unknown either way, and that is what the operator is told.
    return [];
  }
}

async function call(invocation: Invocation, io: Io, program: Program): Promise<number> {
  const { entry, help, operand, json } = invocation;
  if (help) return print(io, usageOf(io.program, entry));
  switch (entry) {
    case SERVE: {
      const file = configFile(invocation.config, io);
      return program.serve(program.load(file), file);
    }
    case CHECK_CONFIG:
      return checkConfig(configFile(operand ?? invocation.config, io), json, io, program);
    case VERSION:
      return json ? printJson(io, { version: io.version, node: process.versions.node }) : print(io, io.version);
    case HELP:
      return explain(operand, io);
    default:
      return command(invocation, io, program);
  }
}

async function command(invocation: Invocation, io: Io, program: Program): Promise<number> {
  const { entry, json } = invocation;
  const options = await reachOptions(invocation, io, program);
  const args = { ...invocation.args, ...(await readSecrets(invocation, io)) };
  const reached = await reach(options);
  const tell = progressOn(io.stderr);
  try {
    const transfer = await beginTransfer(entry, args, { ...io, dataDir: options.dataDir });
    try {
      const outcome = await reached.run(entry.name, transfer.args, tell.progress);
      tell.end();
      if (!outcome.ok) throw new CommandError(outcome.error);
      await transfer.deliver();
      const answers = transfer.takesStdout ? { ...io, stdout: io.stderr } : io;
      return json ? printJson(answers, outcome.answer) : print(answers, outcome.text);
    } finally {
      await transfer.close();
    }
  } finally {
    await reached.close();
  }
}

/** Shows how far a command has come, on one line, to people who look at a terminal. */
function progressOn(output: Output): { readonly progress: Progress; readonly end: () => void } {
  let isShown = false;
  const show = (text: string): void => void output.write(`\r\u001b[K${printable(text)}`);
  return {
    progress: (text) => {
      if (output.isTTY !== true) return;
      isShown = true;
      show(text);
    },
    end: () => {
      if (isShown) show('');
    },
  };
}

/** Says where a command is to be carried out. Throws ConfigError; CommandError for a reload. */
async function reachOptions({ entry, config: named }: Invocation, io: Io, program: Program): Promise<ReachOptions> {
  const file = configFile(named, io);
  const bug = (error: unknown): void => void io.stderr.write(`parley: ${failureText(error)}\n`);
  const { version } = io;
  try {
    const { config } = program.load(file);
    const needsServer = entry.needsServer === true;
    return { dataDir: config.dataDir, version, needsServer, open: () => program.open(config), bug };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const dataDir = program.dataDirOf(file);
    const isReload = entry.name === reload.name;
    if (dataDir === undefined || (await greetedBy(controlPath(dataDir))) === undefined) {
      throw isReload ? new CommandError(`nothing was changed: ${error.message}`, { cause: error }) : error;
    }
    // What a running server reads is for it to judge: it may have other rights and variables than we have.
    if (!isReload) io.stderr.write(`parley: warning: ${error.message}\n`);
    return { dataDir, version, needsServer: true, open: () => Promise.reject(error), bug };
  }
}

async function readSecrets({ entry, args }: Invocation, io: Io): Promise<Arguments> {
  const secrets: Record<string, string> = {};
  for (const { name, kind, doc, unless } of entry.parameters) {
    if (kind !== 'secret' || (unless !== undefined && args[unless] === true)) continue;
    const of = args['jid'] === undefined ? '' : ` of ${printable(String(args['jid']))}`;
    secrets[name] = await readNewPassword(io.stdin, io.stderr, `${doc}${of}`);
  }
  return secrets;
}

function checkConfig(file: string | undefined, json: boolean, io: Io, program: Program): number {
  const name = file ?? 'the default configuration';
  try {
    const { warnings } = program.load(file);
    if (json) return printJson(io, { file: file ?? null, valid: true, problems: [], warnings });
    return print(io, [`${name} is valid.`, ...warnings.map((warning) => `Warning: ${warning}`)].join('\n'));
  } catch (error) {
    if (!(error instanceof ConfigError) || !json) throw error;
    const problems = error.problems.map((problem) => ({ path: problem.path, text: describeProblem(problem) }));
    printJson(io, { file: file ?? null, valid: false, problems, warnings: [] });
    return FAILED;
  }
}

function explain(name: string | undefined, io: Io): number {
  if (name === undefined) return print(io, usage(io.program, ENTRIES));
  const entry = ENTRIES.find((candidate) => candidate.name === name);
  if (entry !== undefined) return print(io, usageOf(io.program, entry));
  const group = ENTRIES.filter((candidate) => candidate.name.startsWith(`${name} `));
  if (group.length === 0) throw unknownCommand(name.split(' '), ENTRIES);
  return print(io, usage(io.program, group));
}

/** The configuration file in use: the one named, that of the environment, `parley.json` if there is one, or none. */
export function configFile(named: string | undefined, { env, cwd }: Pick<Io, 'env' | 'cwd'>): string | undefined {
  const file = named ?? (env['PARLEY_CONFIG'] || undefined);
  if (file !== undefined) return resolve(cwd, file);
  const usual = resolve(cwd, DEFAULT_FILE);
  return existsSync(usual) ? usual : undefined;
}

function print(io: Io, text: string): number {
  io.stdout.write(`${text}\n`);
  return OK;
}

function printJson(io: Io, value: Json): number {
  return print(io, JSON.stringify(value, undefined, 2));
}
