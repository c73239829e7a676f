import { type Arguments, CommandError, type Parameter } from '../../core/commands.ts';
import { type ArchiveExtent, type ArchiveKeeping, archiveKeeping } from '../../features/mam/api.ts';
import type { JID } from '../../jid.ts';
import type { BuiltIn, CommandGround } from '../ground.ts';
import { table } from '../table.ts';
import { accountOf } from './addressing.ts';

const ACCOUNT: Parameter = { name: 'jid', kind: 'jid', doc: 'The user: alice@example.org' };

/** How much is in an archive; times are ISO 8601, and what is null is not there. */
type ExtentAnswer = {
  readonly jid: string;
  readonly messages: number;
  readonly first: string | null;
  readonly last: string | null;
  /** Null for ever. */
  readonly keepDays: number | null;
  readonly ownRule: boolean;
};

type PruneAnswer = {
  readonly dryRun: boolean;
  readonly archives: readonly { readonly jid: string; readonly messages: number; readonly before: string }[];
};

/** Shows how much there is in an archive. */
export const archiveShow: BuiltIn<ExtentAnswer> = {
  name: 'archive show',
  summary: 'Shows how many messages the archive of an account has, and for how long they are kept.',
  parameters: [ACCOUNT],
  async run(args, ground) {
    const { jid, keeping } = await archiveOf(args, ground);
    return describe(jid, await keeping.describe(jid));
  },
  show: ({ messages, first, last, keepDays, ownRule }) =>
    [
      messages === 0 ? 'No messages' : `${messages} messages, from ${first} to ${last}`,
      `kept ${keepDays === null ? 'for ever' : `for ${keepDays} days`}${ownRule ? ', as set for this account' : ''}`,
    ].join('\n'),
};

/** Says for how long the messages of an account are kept. */
export const archiveKeep: BuiltIn<ExtentAnswer> = {
  name: 'archive keep',
  summary: 'Sets for how long the archive of an account keeps messages; without an option, as long as all others.',
  parameters: [
    ACCOUNT,
    { name: 'days', kind: 'count', doc: 'For so many days', optional: true },
    { name: 'forever', kind: 'flag', doc: 'For ever', optional: true },
  ],
  async run(args, ground) {
    const { jid, keeping } = await archiveOf(args, ground);
    const { days, forever } = args;
    if (days !== undefined && forever === true) throw new CommandError('choose --days or --forever, not both');
    await keeping.setKeepDays(jid, forever === true ? null : typeof days === 'number' ? days : undefined);
    return describe(jid, await keeping.describe(jid));
  },
  show: (answer) => archiveShow.show?.(answer) ?? '',
};

/** Removes what is too old. */
export const archivePrune: BuiltIn<PruneAnswer> = {
  name: 'archive prune',
  summary: 'Removes messages from archives that are older than they are to be kept; with --dry-run, tells how many.',
  parameters: [
    { name: 'jid', kind: 'jid', doc: 'Only of this user', optional: true },
    {
      name: 'older-than',
      kind: 'count',
      doc: 'All that is older than so many days, whatever the rules are',
      optional: true,
    },
    { name: 'dry-run', kind: 'flag', doc: 'Remove nothing', optional: true },
  ],
  async run(args, ground) {
    const olderThan = args['older-than'];
    const dryRun = args['dry-run'] === true;
    const archives: { jid: string; messages: number; before: string }[] = [];
    for (const [keeping, jid] of await chosen(args, ground)) {
      for await (const what of keeping.prunable(jid, typeof olderThan === 'number' ? olderThan : undefined)) {
        const messages = dryRun ? what.messages : await keeping.prune(what);
        archives.push({ jid: what.jid.toString(), messages, before: new Date(what.before).toISOString() });
      }
    }
    return { dryRun, archives };
  },
  show({ dryRun, archives }) {
    if (archives.length === 0) return 'No messages are older than they are to be kept';
    const rows = archives.map(({ jid, messages, before }) => [jid, String(messages), before]);
    return table(['user', dryRun ? 'would be removed' : 'removed', 'older than'], rows);
  },
};

async function archiveOf(
  args: Arguments,
  ground: CommandGround,
): Promise<{ readonly jid: JID; readonly keeping: ArchiveKeeping }> {
  const { jid, host } = accountOf(args, ground);
  const keeping = host.services.find(archiveKeeping);
  if (keeping === undefined) throw new CommandError(`there are no message archives on ${jid.domain}`);
  if (!(await host.users.exists(jid.local))) throw new CommandError(`there is no user ${jid}`);
  return { jid, keeping };
}

async function chosen(
  args: Arguments,
  ground: CommandGround,
): Promise<readonly (readonly [ArchiveKeeping, JID | undefined])[]> {
  if (args['jid'] !== undefined) {
    const { jid, keeping } = await archiveOf(args, ground);
    return [[keeping, jid]];
  }
  return [...ground.hosts.values()].flatMap(({ services }) => {
    const keeping = services.find(archiveKeeping);
    return keeping === undefined ? [] : [[keeping, undefined] as const];
  });
}

function describe(jid: JID, { messages, firstAt, lastAt, keepDays, isOwnRule }: ArchiveExtent): ExtentAnswer {
  const time = (ms: number | undefined): string | null => (ms === undefined ? null : new Date(ms).toISOString());
  return { jid: jid.toString(), messages, first: time(firstAt), last: time(lastAt), keepDays, ownRule: isOwnRule };
}
