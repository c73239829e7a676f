import { type Arguments, CommandError, type Parameter } from '../../core/commands.ts';
import { type ArchiveExtent, type ArchiveKeeping, archiveKeeping } from '../../features/mam/api.ts';
import type { JID } from '../../jid.ts';
import { every } from '../../util/clock.ts';
import type { BuiltIn, CommandGround } from '../ground.ts';
import { facts, table } from '../table.ts';
import { accountOf } from './addressing.ts';

const PROGRESS_MS = 1000;

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
  summary: 'Shows how many messages the archive of a user has, and for how long they are kept.',
  parameters: [ACCOUNT],
  async run(args, ground) {
    const { jid, keeping } = await archiveOf(args, ground);
    return describe(jid, await keeping.describe(jid));
  },
  show: ({ messages, first, last, keepDays, ownRule }) =>
    facts([
      ['Messages', String(messages)],
      ...(first === null || last === null
        ? []
        : ([
            ['First', first],
            ['Last', last],
          ] as const)),
      ['Kept', `${keepingText(keepDays)}${ownRule ? ', as set for this user' : ''}`],
    ]),
};

/** Says for how long the messages of an account are kept. */
export const archiveKeep: BuiltIn<ExtentAnswer> = {
  name: 'archive keep',
  summary: 'Sets for how long the archive of a user keeps messages; without an option, as configured.',
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
  summary: 'Removes what archives have kept for long enough; with --dry-run, only tells how much that is.',
  parameters: [
    { name: 'jid', kind: 'jid', doc: 'Only of this user', optional: true },
    {
      name: 'older-than',
      kind: 'count',
      doc: 'All that is older than so many days, whatever is set',
      optional: true,
    },
    { name: 'dry-run', kind: 'flag', doc: 'Remove nothing', optional: true },
  ],
  async run(args, ground, progress) {
    const olderThan = args['older-than'];
    const dryRun = args['dry-run'] === true;
    const archives: { jid: string; messages: number; before: string }[] = [];
    // Whoever waits hears of it now and then, and goes on waiting.
    const timer = every(ground.clock, PROGRESS_MS, () => progress?.(`${archives.length} archives with old messages`));
    try {
      for (const [keeping, jid] of await chosen(args, ground)) {
        for await (const what of keeping.prunable(jid, typeof olderThan === 'number' ? olderThan : undefined)) {
          const messages = dryRun ? what.messages : await keeping.prune(what);
          archives.push({ jid: what.jid.toString(), messages, before: new Date(what.before).toISOString() });
        }
      }
    } finally {
      timer.cancel();
    }
    return { dryRun, archives };
  },
  show({ dryRun, archives }) {
    if (archives.length === 0) return 'No message is older than it is to be kept.';
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

function keepingText(keepDays: number | null): string {
  if (keepDays === null) return 'for ever';
  return keepDays === 1 ? 'for 1 day' : `for ${keepDays} days`;
}

function describe(jid: JID, { messages, firstAt, lastAt, keepDays, isOwnRule }: ArchiveExtent): ExtentAnswer {
  const time = (ms: number | undefined): string | null => (ms === undefined ? null : new Date(ms).toISOString());
  return { jid: jid.toString(), messages, first: time(firstAt), last: time(lastAt), keepDays, ownRule: isOwnRule };
}
