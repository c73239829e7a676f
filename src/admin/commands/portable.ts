import { type FileHandle, open, realpath, rm, stat } from 'node:fs/promises';
import { isAbsolute, join, sep } from 'node:path';
import { type Arguments, CommandError, type Parameter } from '../../core/commands.ts';
import type { Host } from '../../core/host.ts';
import { type ImportSummary, type Leaving, type Portability, portability } from '../../features/portable/api.ts';
import { StoreError } from '../../store/store.ts';
import { every } from '../../util/clock.ts';
import type { BuiltIn, CommandGround } from '../ground.ts';
import { printable, table } from '../table.ts';
import { passagePath } from '../transfer.ts';
import { accountOf, hostOf } from './addressing.ts';

/** So much is gathered before it is written. */
const WRITE_BYTES = 262_144;
const PROGRESS_MS = 1000;
/** XEP-0227 §5: a scheme or an authority makes a reference one that is not relative. */
const NOT_RELATIVE = /^(?:[a-z][a-z0-9+.-]*:|\/|\\)/i;

const ACCOUNT: Parameter = { name: 'jid', kind: 'jid', doc: 'The user: alice@example.org', unless: 'all' };

type ExportAnswer = { readonly accounts: number; readonly bytes: number };

/** Writes accounts as a document of XEP-0227. */
export const userExport: BuiltIn<ExportAnswer> = {
  name: 'user export',
  summary: 'Writes everything that a user owns as a document of XEP-0227.',
  needsMachine: true,
  parameters: [
    ACCOUNT,
    { name: 'all', kind: 'flag', optional: true, doc: 'All users of all hosts, in one document' },
    {
      name: 'output',
      kind: 'text',
      optional: true,
      file: 'written',
      doc: 'The file to write, for its owner only, which must not exist; unless given, standard output',
    },
  ],
  async run(args, ground, progress) {
    if (args['all'] === true && args['jid'] !== undefined) throw new CommandError('all users, or one: not both');
    const path = passagePath(ground.settings.current.dataDir, args['output']);
    const accounts = await accountsOf(args, ground);
    let count = 0;
    const tick = (): void => progress?.(`${accountCount(count)} written`);
    const timer = every(ground.clock, PROGRESS_MS, tick);
    try {
      const pieces = portabilityOf(ground).write(accounts, () => void count++);
      return { bytes: await writeFile(path, pieces), accounts: count };
    } finally {
      timer.cancel();
    }
  },
  show: ({ accounts, bytes }) => `Exported ${accountCount(accounts)}: ${bytes} bytes.`,
};

/** Takes up the accounts of a document of XEP-0227. */
export const userImport: BuiltIn<ImportSummary> = {
  name: 'user import',
  summary: 'Takes up the users of a document of XEP-0227; what they have here already stays.',
  needsMachine: true,
  parameters: [
    { name: 'file', kind: 'text', file: 'read', doc: 'The document; - is standard input' },
    {
      name: 'domain',
      kind: 'text',
      optional: true,
      doc: 'The host that they are to belong to, when it has another name',
    },
    { name: 'folder', kind: 'text', optional: true, doc: 'Where files are that it includes; unless given, beside it' },
    {
      name: 'replace-password',
      kind: 'flag',
      optional: true,
      doc: 'Give users who are here the password of the document',
    },
    { name: 'keep-admins', kind: 'flag', optional: true, doc: 'Make those administrators who were' },
  ],
  async run(args, ground, progress) {
    const { hosts, clock, settings } = ground;
    const path = passagePath(settings.current.dataDir, args['file']);
    const into = args['domain'] === undefined ? undefined : hostOf(String(args['domain']), ground);
    let elements = 0;
    const timer = every(clock, PROGRESS_MS, () => progress?.(`${elements} elements read`));
    try {
      const summary = await portabilityOf(ground).read(
        { chunks: chunksOf(path), include: (href) => include(href, args['folder']) },
        {
          hosts,
          into,
          replacePasswords: args['replace-password'] === true,
          keepAdmins: args['keep-admins'] === true,
          progress: (read) => {
            elements = read;
          },
        },
      );
      if (summary.faults.length > 0) throw new CommandError(describeImport(summary));
      return summary;
    } catch (error) {
      throw readable(error, 'cannot read the document');
    } finally {
      timer.cancel();
    }
  },
  show: describeImport,
};

function portabilityOf({ hosts }: CommandGround): Portability {
  for (const { services } of hosts.values()) if (services.has(portability)) return services.use(portability);
  throw new CommandError('accounts cannot be moved: the feature "portable" is off');
}

async function accountsOf(args: Arguments, ground: CommandGround): Promise<AsyncIterable<Leaving>> {
  if (args['all'] === true) return allAccounts([...ground.hosts.values()]);
  const { jid, host } = accountOf(args, ground);
  if (!(await host.users.exists(jid.local))) throw new CommandError(`there is no user ${jid}`);
  return only({ host, local: jid.local });
}

async function* only(account: Leaving): AsyncIterable<Leaving> {
  yield account;
}

async function* allAccounts(hosts: readonly Host[]): AsyncIterable<Leaving> {
  for (const host of hosts) for await (const { jid } of host.users.list()) yield { host, local: jid.local };
}

async function writeFile(path: string, pieces: AsyncIterable<string>): Promise<number> {
  const file = await open(path, 'wx', 0o600);
  let bytes = 0;
  try {
    let gathered = '';
    for await (const piece of pieces) {
      gathered += piece;
      if (gathered.length < WRITE_BYTES) continue;
      bytes += await append(file, gathered);
      gathered = '';
    }
    bytes += await append(file, gathered);
  } catch (error) {
    await rm(path, { force: true });
    throw readable(error, 'cannot write into the data directory');
  } finally {
    await file.close();
  }
  return bytes;
}

async function append(file: FileHandle, text: string): Promise<number> {
  await file.writeFile(text);
  return Buffer.byteLength(text);
}

async function* chunksOf(path: string): AsyncIterable<Buffer> {
  try {
    const file = await open(path, 'r');
    for await (const chunk of file.createReadStream()) yield Buffer.from(chunk);
  } catch (error) {
    throw readable(error, `the server cannot read ${path}`);
  }
}

/** What a failure of the file system says to the operator; other errors are not for people. */
function readable(error: unknown, what: string): unknown {
  if (error instanceof StoreError) return new CommandError(`the store failed: ${error.message}`, { cause: error });
  if (!(error instanceof Error && 'syscall' in error)) return error;
  return new CommandError(`${what}: ${error.message}`, { cause: error });
}

/** Opens a file that a document includes: one below its folder, whatever links there are. XEP-0227 §5. */
async function include(href: string, folder: unknown): Promise<AsyncIterable<Buffer>> {
  if (typeof folder !== 'string')
    throw new CommandError('what comes on standard input has no files beside it: use --folder');
  if (!isAbsolute(folder) || NOT_RELATIVE.test(href)) throw new CommandError('only files beside the document can be');
  const name = decoded(href);
  const root = await realpath(folder).catch(() => folder);
  const path = await realpath(join(root, name)).catch(() => undefined);
  if (path === undefined) throw new CommandError(`the server finds no ${join(root, name)}`);
  if (!path.startsWith(root.endsWith(sep) ? root : root + sep)) throw new CommandError(`it is not below ${root}`);
  // A pipe that comes with an archive would be waited for without end.
  if (!(await stat(path)).isFile()) throw new CommandError('it is no file');
  return chunksOf(path);
}

function decoded(href: string): string {
  try {
    return decodeURIComponent(href);
  } catch {
    return href;
  }
}

function accountCount(count: number): string {
  return count === 1 ? '1 account' : `${count} accounts`;
}

function describeImport(summary: ImportSummary): string {
  const { added, merged, parts, notes, moreNotes, faults, incomplete } = summary;
  const counts = parts.map(({ name, taken, present, skipped }) => ({ name, of: [taken, present, skipped] }));
  const rows = counts.filter(({ of }) => of.some((n) => n > 0)).map(({ name, of }) => [name, ...of.map(String)]);
  const lines = [`Imported ${accountCount(added + merged)}: ${added} new, ${merged} here before.`];
  if (rows.length > 0) lines.push('', table(['what', 'taken', 'here before', 'left out'], rows));
  if (notes.length > 0) lines.push('', 'Left out:', ...notes.map((note) => `  ${printable(note)}`));
  if (moreNotes > 0) lines.push(`  and ${moreNotes} more`);
  if (faults.length === 0) return lines.join('\n');
  const broken = ['The document could not be read to its end:', ...faults.map((fault) => `  ${printable(fault)}`)];
  if (incomplete.length > 0) broken.push(`Not complete: ${printable(incomplete.join(', '))}`);
  broken.push('What was read before is there. Import a good document again: what is there stays.', '');
  return [...broken, ...lines].join('\n');
}
