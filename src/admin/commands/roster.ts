import { CommandError } from '../../core/commands.ts';
import type { Host } from '../../core/host.ts';
import { type DelegatedRosterService, delegatedRosters } from '../../features/roster/api.ts';
import type { BuiltIn, CommandGround } from '../ground.ts';
import { table } from '../table.ts';
import { accountOf, addressOf, hostOf } from './addressing.ts';

const OFF = 'users own their contacts here: features.delegatedRoster is off';

/** Of one user, or of all of a host that are online; `failed` are those whose rosters could not be fetched. */
type RefreshAnswer = {
  readonly refreshed: number;
  readonly failed: readonly { readonly jid: string; readonly reason: string }[];
};

/** How it goes on one host; see `DelegationStatus`. */
type StatusAnswer = {
  readonly host: string;
  readonly source: string;
  readonly state: string;
  readonly fetching: number;
  readonly waiting: number;
  readonly loaded: number;
  readonly copies: number;
};

/** Fetches rosters that somebody else owns anew. */
export const rosterRefresh: BuiltIn<RefreshAnswer> = {
  name: 'roster refresh',
  summary: 'Fetches the contacts of a user, or of all on a host that are online, anew from whoever owns them.',
  needsServer: true,
  parameters: [{ name: 'jid', kind: 'jid', doc: 'The user, or the host: alice@example.org, example.org' }],
  async run(args, ground) {
    const jid = addressOf(args, 'jid');
    const isHost = jid.local === '' && jid.resource === '' && ground.hosts.has(jid.domain);
    const host = isHost ? hostOf(jid.domain, ground) : accountOf(args, ground).host;
    const rosters = host.services.find(delegatedRosters);
    if (rosters === undefined) throw new CommandError(OFF);
    if (!isHost && host.account(jid.local) === undefined && !(await host.users.exists(jid.local))) {
      throw new CommandError(`there is no user ${jid}`);
    }
    const { updated, failed } = await rosters.refresh(isHost ? localsOnline(host) : new Set([jid.local]));
    // Scripts that refresh one user look at the exit code.
    const [reason] = failed.values();
    if (!isHost && reason !== undefined)
      throw new CommandError(`the contacts of ${jid} could not be fetched: ${reason}`);
    return {
      refreshed: updated.length,
      failed: Array.from(failed, ([local, reason]) => ({ jid: `${local}@${host.domain}`, reason })),
    };
  },
  show({ refreshed, failed }) {
    const done = `Refreshed ${refreshed === 1 ? '1 user' : `${refreshed} users`}; who is offline gets the contacts at login.`;
    if (failed.length === 0) return done;
    const failures = table(
      ['not refreshed', 'because'],
      failed.map(({ jid, reason }) => [jid, reason]),
    );
    return `${done}\n${failures}`;
  },
};

/** Shows how fetching rosters goes. */
export const rosterStatus: BuiltIn<{ readonly hosts: readonly StatusAnswer[] }> = {
  name: 'roster status',
  summary: 'Shows where contacts come from that somebody else owns, and how fetching them goes.',
  needsServer: true,
  parameters: [],
  run(_, ground) {
    const delegated = delegatedHosts(ground);
    if (delegated.length === 0) throw new CommandError(OFF);
    return { hosts: delegated.map(([host, rosters]) => ({ host, ...rosters.status() })) };
  },
  show({ hosts }) {
    const rows = hosts.map(({ host, source, state, fetching, waiting, loaded, copies }) => [
      host,
      source,
      state,
      ...[fetching, waiting, loaded, copies].map(String),
    ]);
    return table(['host', 'source', 'state', 'fetching', 'waiting', 'online', 'copies'], rows);
  },
};

function localsOnline({ accounts }: Host): ReadonlySet<string> {
  const online = [...accounts.values()].filter(({ sessions }) => sessions.size > 0);
  return new Set(online.map(({ jid }) => jid.local));
}

function delegatedHosts({ hosts }: CommandGround): (readonly [domain: string, rosters: DelegatedRosterService])[] {
  return [...hosts].flatMap(([domain, { services }]): [string, DelegatedRosterService][] => {
    const rosters = services.find(delegatedRosters);
    return rosters === undefined ? [] : [[domain, rosters]];
  });
}
