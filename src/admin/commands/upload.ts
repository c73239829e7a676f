import { type Arguments, CommandError, type Parameter } from '../../core/commands.ts';
import { type OwnFiles, ownFiles } from '../../features/upload/api.ts';
import type { JID } from '../../jid.ts';
import type { BuiltIn, CommandGround } from '../ground.ts';
import { facts, table } from '../table.ts';
import { accountOf } from './addressing.ts';

const ACCOUNT: Parameter = { name: 'jid', kind: 'jid', doc: 'The user: alice@example.org' };

/** So many files are listed unless more are asked for. */
const LIMIT = 1000;

/** A file. Times are ISO 8601; one that does not expire has null. */
type FileAnswer = {
  readonly id: string;
  readonly name: string;
  readonly type: string;
  readonly bytes: number;
  readonly purpose: string;
  readonly uploaded: string;
  readonly expires: string | null;
};

type FilesAnswer = { readonly jid: string; readonly files: readonly FileAnswer[]; readonly complete: boolean };

type UsageAnswer = {
  readonly jid: string;
  readonly files: number;
  readonly bytes: number;
  readonly todayBytes: number;
  readonly maxFiles: number;
  readonly maxBytes: number | null;
  readonly maxTodayBytes: number | null;
};

/** Lists what a user has uploaded. */
export const uploadList: BuiltIn<FilesAnswer> = {
  name: 'upload list',
  summary: 'Lists the files that a user has uploaded, the newest first.',
  parameters: [
    ACCOUNT,
    { name: 'limit', kind: 'count', optional: true, doc: `How many are listed; ${LIMIT} unless given` },
  ],
  async run(args, ground) {
    const { jid, files } = await filesOf(args, ground);
    const limit = Number(args['limit'] ?? LIMIT);
    const listed: FileAnswer[] = [];
    for await (const { id, name, type, bytes, purpose, at, expires } of files.list(jid.local)) {
      if (listed.length === limit) return { jid: jid.toString(), files: listed, complete: false };
      listed.push({
        id,
        name,
        type,
        bytes,
        purpose,
        uploaded: iso(at),
        expires: expires === null ? null : iso(expires),
      });
    }
    return { jid: jid.toString(), files: listed, complete: true };
  },
  show({ files, complete }) {
    if (files.length === 0) return 'No files.';
    const rows = files.map(({ id, name, type, bytes, uploaded, expires }) => [
      id,
      uploaded.slice(0, 10),
      expires?.slice(0, 10) ?? 'never',
      String(bytes),
      type,
      name,
    ]);
    const shown = table(['id', 'uploaded', 'expires', 'bytes', 'type', 'name'], rows);
    return complete ? shown : `${shown}\nThere are more; --limit N lists so many.`;
  },
};

/** Removes a file that a user has uploaded. */
export const uploadRemove: BuiltIn<{ readonly jid: string; readonly id: string }> = {
  name: 'upload remove',
  summary: 'Removes a file that a user has uploaded; its link is dead then.',
  parameters: [ACCOUNT, { name: 'id', kind: 'text', doc: 'As listed' }],
  async run(args, ground) {
    const { jid, files } = await filesOf(args, ground);
    const id = String(args['id']);
    if (!(await files.remove(jid.local, id))) throw new CommandError(`${jid} has no such file`);
    return { jid: jid.toString(), id };
  },
  show: () => 'Removed the file; its link is dead.',
};

/** Shows what a user's files take of what they may. */
export const uploadUsage: BuiltIn<UsageAnswer> = {
  name: 'upload usage',
  summary: "Shows what a user's files take, and what they may take.",
  parameters: [ACCOUNT],
  async run(args, ground) {
    const { jid, files } = await filesOf(args, ground);
    return { jid: jid.toString(), ...(await files.usage(jid.local)) };
  },
  show({ files, bytes, todayBytes, maxFiles, maxBytes, maxTodayBytes }) {
    return facts([
      ['Files', `${files} of ${maxFiles}`],
      ['Size', ofAtMost(bytes, maxBytes)],
      ['Today', ofAtMost(todayBytes, maxTodayBytes)],
    ]);
  },
};

async function filesOf(
  args: Arguments,
  ground: CommandGround,
): Promise<{ readonly jid: JID; readonly files: OwnFiles }> {
  const { jid, host } = accountOf(args, ground);
  if (!host.services.has(ownFiles)) throw new CommandError('uploads are switched off');
  if (!(await host.users.exists(jid.local))) throw new CommandError(`there is no user ${jid}`);
  return { jid, files: host.services.use(ownFiles) };
}

function ofAtMost(bytes: number, maxBytes: number | null): string {
  return maxBytes === null ? `${mebibytes(bytes)}, without a limit` : `${mebibytes(bytes)} of ${mebibytes(maxBytes)}`;
}

// What there is does not look like nothing.
function mebibytes(bytes: number): string {
  const size = bytes / 1_048_576;
  return `${(bytes === 0 ? 0 : Math.max(size, 0.1)).toFixed(1)} MiB`;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
