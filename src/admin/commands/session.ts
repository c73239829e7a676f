import { CommandError } from '../../core/commands.ts';
import type { Host } from '../../core/host.ts';
import type { Session } from '../../core/session.ts';
import { StreamError } from '../../errors.ts';
import type { BuiltIn, CommandGround } from '../ground.ts';
import { table } from '../table.ts';
import { addressOf, hostOf } from './addressing.ts';

/** How many sessions one answer lists, unless asked for fewer. */
const MAX_LISTED = 10_000;

/**
 * A session. Times are of ISO 8601; `available` says whether it sent presence; `waitingBytes` have not been read. One that
 * has lost its connection has the address that it had, '' if that is not known, and says since when it waits for its client.
 */
export type SessionAnswer = {
  readonly jid: string;
  readonly address: string;
  readonly encrypted: boolean;
  readonly boundAt: string;
  readonly available: boolean;
  readonly priority: number;
  readonly waitingBytes: number;
  readonly waitingSince: string | null;
};

type SessionListAnswer = { readonly sessions: readonly SessionAnswer[]; readonly more: boolean };

/** Lists who is connected. */
export const sessionList: BuiltIn<SessionListAnswer> = {
  name: 'session list',
  summary: 'Lists the sessions: who is connected, from where, since when.',
  needsServer: true,
  parameters: [
    { name: 'user', kind: 'jid', optional: true, doc: 'Only the sessions of this user' },
    { name: 'host', kind: 'text', optional: true, doc: 'Only the sessions of this host' },
    { name: 'limit', kind: 'count', optional: true, doc: `At most so many; at most, and unless given, ${MAX_LISTED}` },
  ],
  run(args, ground) {
    const limit = Math.min(Number(args['limit'] ?? MAX_LISTED), MAX_LISTED);
    const user = args['user'] === undefined ? undefined : addressOf(args, 'user').bare();
    const host = args['host'] === undefined ? undefined : hostOf(String(args['host']), ground);
    const sessions: SessionAnswer[] = [];
    for (const [session, itsHost] of allSessions(ground)) {
      if (host !== undefined && itsHost !== host) continue;
      if (user !== undefined && !session.jid.bare().equals(user)) continue;
      if (sessions.length === limit) return { sessions, more: true };
      sessions.push(describeSession(session));
    }
    return { sessions, more: false };
  },
  show({ sessions, more }) {
    if (sessions.length === 0) return 'No sessions.';
    return more ? `${sessionTable(sessions)}\nThere are more.` : sessionTable(sessions);
  },
};

/** Ends a session, or all sessions of a user. */
export const sessionKick: BuiltIn<{ readonly kicked: readonly string[] }> = {
  name: 'session kick',
  summary: "Ends a session (alice@example.org/phone) or all of a user's (alice@example.org).",
  needsServer: true,
  parameters: [
    { name: 'jid', kind: 'jid', doc: 'The session, or the user' },
    { name: 'reason', kind: 'text', optional: true, doc: 'What the client is told' },
  ],
  run(args, ground) {
    const jid = addressOf(args, 'jid');
    const host = hostOf(jid.domain, ground);
    const account = host.account(jid.local);
    const sessions = [...(account?.sessions.values() ?? [])].filter(
      (session) => jid.resource === '' || session.jid.resource === jid.resource,
    );
    if (account === undefined || sessions.length === 0) throw new CommandError(`${jid} has no session`);
    const text = String(args['reason'] ?? 'the session was ended by an administrator');
    for (const session of sessions) host.sessions.kick(account, session, new StreamError('policy-violation', { text }));
    return { kicked: sessions.map((session) => session.jid.toString()) };
  },
  show: ({ kicked }) => kicked.map((jid) => `Ended ${jid}.`).join('\n'),
};

/** What an operator sees of a session. */
export function describeSession(session: Session): SessionAnswer {
  return {
    jid: session.jid.toString(),
    address: session.link?.remoteAddress ?? session.login?.address ?? '',
    encrypted: session.link?.secure ?? false,
    boundAt: new Date(session.boundAt).toISOString(),
    available: session.isAvailable,
    priority: session.priority,
    waitingBytes: session.link?.bufferedBytes ?? 0,
    waitingSince: session.isHibernating ? new Date(session.detachedAt).toISOString() : null,
  };
}

/** Returns sessions as a table. */
export function sessionTable(sessions: readonly SessionAnswer[]): string {
  const rows = sessions.map((session) => [
    session.jid,
    session.address === '' ? 'unknown' : session.address,
    encryptionOf(session),
    session.boundAt,
    session.available ? String(session.priority) : 'unavailable',
    session.waitingSince === null ? 'connected' : `waiting since ${session.waitingSince}`,
  ]);
  return table(['session', 'address', 'encrypted', 'since', 'priority', 'state'], rows);
}

// Who waits has no stream that could be encrypted.
function encryptionOf({ encrypted, waitingSince }: SessionAnswer): string {
  if (waitingSince !== null) return '-';
  return encrypted ? 'yes' : 'no';
}

/** Counts the sessions of one host. */
export function countSessions(host: Host): number {
  let count = 0;
  for (const account of host.accounts.values()) count += account.sessions.size;
  return count;
}

function* allSessions({ hosts }: CommandGround): Iterable<[Session, Host]> {
  for (const host of hosts.values()) {
    for (const account of host.accounts.values())
      for (const session of account.sessions.values()) yield [session, host];
  }
}
