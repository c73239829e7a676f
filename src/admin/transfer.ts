import { type FileHandle, link, lstat, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { type Arguments, type CommandDescription, CommandError } from '../core/commands.ts';
import { systemClock } from '../util/clock.ts';
import { newId } from '../util/ids.ts';
import type { Input, Output } from './terminal.ts';

/*
 * A file that a command reads or writes belongs to whoever calls the program; the server may be another user, without a right
 * to it, and see other folders. So it passes through the data directory, which is open to both: under a name that the server
 * takes for nothing else, for the caller and the server only, and only as long as the command runs.
 */

const NAME = /^transfer-[\w-]{20}\.xml$/;
const PRIVATE = 0o600;
/** What a program that was killed has left is removed after this time. */
const STALE_MS = 86_400_000;

/** What a command line has to do with files: its input, where it is, and what may be said to whom. */
export interface TransferOptions {
  readonly dataDir: string;
  readonly stdin: Input;
  readonly stdout: Output;
  readonly cwd: string;
}

/** The files of one command on their way. */
export interface Transfer {
  /** The arguments for the server, with the names that the files have in the data directory. */
  readonly args: Arguments;
  /** Whether standard output is for the file, and messages go elsewhere. */
  readonly takesStdout: boolean;
  /** Puts what was written where it belongs. Throws CommandError. */
  deliver(): Promise<void>;
  /** Removes what is left. */
  close(): Promise<void>;
}

/** Returns the path of a file in passage. Throws CommandError for what is no name of one. */
export function passagePath(dataDir: string, name: unknown): string {
  if (typeof name === 'string' && NAME.test(name)) return join(dataDir, name);
  throw new CommandError('files pass through the data directory: use the command line');
}

/** Brings the files of a command into the data directory, and out of it. Throws CommandError. */
export async function beginTransfer(
  entry: CommandDescription,
  args: Arguments,
  options: TransferOptions,
): Promise<Transfer> {
  const parameter = entry.parameters.find(({ file }) => file !== undefined);
  if (parameter === undefined) return { args, takesStdout: false, deliver: async () => {}, close: async () => {} };
  const { dataDir, cwd } = options;
  await sweep(dataDir);
  const given = args[parameter.name];
  const path = given === undefined || given === '-' ? undefined : resolve(cwd, String(given));
  const name = `transfer-${newId()}.xml`;
  const passage = join(dataDir, name);
  const close = (): Promise<void> => rm(passage, { force: true });
  const renamed: Arguments = { ...args, [parameter.name]: name };
  if (parameter.file === 'written') {
    if (path !== undefined) await refuseExisting(path);
    const deliver = () => (path === undefined ? print(passage, options.stdout) : place(passage, path));
    return { args: renamed, takesStdout: path === undefined, deliver, close };
  }
  try {
    await bringIn(path, passage, options);
  } catch (error) {
    await close();
    throw error;
  }
  const hasFolder = path !== undefined && entry.parameters.some((other) => other.name === 'folder');
  const folder = hasFolder ? { folder: resolve(cwd, String(args['folder'] ?? dirname(path))) } : {};
  return { args: { ...renamed, ...folder }, takesStdout: false, deliver: async () => {}, close };
}

async function bringIn(path: string | undefined, passage: string, { stdin, dataDir }: TransferOptions): Promise<void> {
  if (path === undefined && stdin.isTTY === true) throw new CommandError('a file is read, or standard input: give one');
  const source = path === undefined ? undefined : await readable(path);
  const target = await open(passage, 'wx', PRIVATE);
  try {
    // What root brings in is for the server, which is somebody else.
    if (process.getuid?.() === 0) {
      const { uid, gid } = await stat(dataDir);
      await target.chown(uid, gid);
    }
    for await (const chunk of source?.createReadStream() ?? stdin) await target.writeFile(bytesOf(chunk));
  } finally {
    await target.close();
  }
}

async function readable(path: string): Promise<FileHandle> {
  try {
    const file = await open(path, 'r');
    if (!(await file.stat()).isDirectory()) return file;
    await file.close();
  } catch (cause) {
    throw new CommandError(`cannot read ${path}: ${reasonOf(cause)}`, { cause });
  }
  throw new CommandError(`cannot read ${path}: it is a folder`);
}

function bytesOf(chunk: unknown): Buffer {
  return Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk));
}

async function print(passage: string, stdout: Output): Promise<void> {
  const file = await open(passage, 'r');
  for await (const text of file.createReadStream({ encoding: 'utf8' })) stdout.write(String(text));
}

/** Copies to a file beside the one that is wanted, which so appears whole or not at all. */
async function place(passage: string, path: string): Promise<void> {
  const beside = `${path}.${newId()}.part`;
  try {
    const source = await open(passage, 'r');
    const target = await open(beside, 'wx', PRIVATE);
    try {
      for await (const chunk of source.createReadStream()) await target.writeFile(bytesOf(chunk));
      await target.sync();
    } finally {
      await target.close();
    }
    await appear(beside, path);
  } catch (cause) {
    if (cause instanceof CommandError) throw cause;
    throw new CommandError(`cannot write ${path}: ${reasonOf(cause)}`, { cause });
  } finally {
    await rm(beside, { force: true });
  }
}

// Unlike a rename, a link never replaces anything; some file systems have none.
async function appear(beside: string, path: string): Promise<void> {
  try {
    await link(beside, path);
  } catch (error) {
    await refuseExisting(path);
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(codeOf(error))) throw error;
    await rename(beside, path);
  }
}

async function refuseExisting(path: string): Promise<void> {
  if (await lstat(path).catch(() => undefined)) throw new CommandError(`${path} is there already: it is left as it is`);
}

async function sweep(dataDir: string): Promise<void> {
  for (const name of await readdir(dataDir).catch(() => [])) {
    if (!NAME.test(name)) continue;
    const path = join(dataDir, name);
    const found = await stat(path).catch(() => undefined);
    if (found !== undefined && systemClock.now() - found.mtimeMs > STALE_MS) await rm(path, { force: true });
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
