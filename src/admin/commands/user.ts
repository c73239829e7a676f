import { type Arguments, CommandError, type Parameter } from '../../core/commands.ts';
import type { Host } from '../../core/host.ts';
import { readablePassword } from '../../core/installation.ts';
import { ownRole } from '../../core/roles.ts';
import type { User } from '../../core/users.ts';
import type { JID } from '../../jid.ts';
import type { BuiltIn, CommandGround } from '../ground.ts';
import { facts, table } from '../table.ts';
import { accountOf, addressOf, hostOf, onUser } from './addressing.ts';
import { describeSession, type SessionAnswer, sessionTable } from './session.ts';

/** How many users one answer lists, unless asked for fewer. */
const MAX_LISTED = 10_000;

const ACCOUNT: Parameter = { name: 'jid', kind: 'jid', doc: 'The user: alice@example.org' };
const PASSWORD: Parameter = { name: 'password', kind: 'secret', doc: 'The password', unless: 'generate' };
const GENERATE: Parameter = {
  name: 'generate',
  kind: 'flag',
  optional: true,
  doc: 'Make a random password and print it, instead of asking for one',
};

/** `password` is there only when it was generated. */
type PasswordAnswer = { readonly jid: string; readonly password?: string };

/** A user in a list. `createdAt` is an ISO 8601 time, `sessions` a number. */
type UserAnswer = {
  readonly jid: string;
  readonly createdAt: string;
  readonly role: string;
  readonly disabled: boolean;
  readonly sessions: number;
};

type UserListAnswer = { readonly users: readonly UserAnswer[]; readonly more: boolean };

type UserShowAnswer = Omit<UserAnswer, 'sessions'> & { readonly sessions: readonly SessionAnswer[] };

/** Adds a user. */
export const userAdd: BuiltIn<PasswordAnswer> = {
  name: 'user add',
  summary: 'Adds a user.',
  parameters: [
    ACCOUNT,
    PASSWORD,
    GENERATE,
    { name: 'admin', kind: 'flag', optional: true, doc: 'Make the user an administrator' },
  ],
  async run(args, ground) {
    const { jid, host } = accountOf(args, ground);
    const { password, answer } = passwordOf(jid, args);
    const role = args['admin'] === true ? 'admin' : 'member';
    await onUser(jid, () => host.users.create(jid.local, password, role));
    return answer;
  },
  show: (answer) => withPassword(`Added ${answer.jid}.`, answer),
};

/** Changes a user's password. */
export const userPasswd: BuiltIn<PasswordAnswer> = {
  name: 'user passwd',
  summary: "Changes a user's password.",
  parameters: [ACCOUNT, PASSWORD, GENERATE],
  async run(args, ground) {
    const { jid, host } = accountOf(args, ground);
    const { password, answer } = passwordOf(jid, args);
    await onUser(jid, () => host.users.setPassword(jid.local, password));
    return answer;
  },
  show: (answer) => withPassword(`Changed the password of ${answer.jid}.`, answer),
};

/** Removes a user and everything that is kept for it. */
export const userRemove: BuiltIn<{ readonly jid: string }> = {
  name: 'user remove',
  summary: 'Removes a user and everything that is kept for it; ends its sessions.',
  parameters: [ACCOUNT],
  async run(args, ground) {
    const { jid, host } = accountOf(args, ground);
    await onUser(jid, () => host.removeUser(jid.local));
    return { jid: jid.toString() };
  },
  show: (answer) => `Removed ${answer.jid} and everything that was kept for it.`,
};

/** Lists the users. */
export const userList: BuiltIn<UserListAnswer> = {
  name: 'user list',
  summary: 'Lists the users.',
  parameters: [
    { name: 'host', kind: 'text', optional: true, doc: 'Only the users of this host' },
    { name: 'after', kind: 'jid', optional: true, doc: 'Only those behind this one, for the next part of a long list' },
    { name: 'limit', kind: 'count', optional: true, doc: `At most so many; at most, and unless given, ${MAX_LISTED}` },
  ],
  async run(args, ground) {
    const limit = Math.min(Number(args['limit'] ?? MAX_LISTED), MAX_LISTED);
    const users: UserAnswer[] = [];
    for await (const [user, host] of usersOf(args, ground, limit + 1)) users.push(describeUser(user, host, ground));
    return { users: users.slice(0, limit), more: users.length > limit };
  },
  show({ users, more }) {
    if (users.length === 0) return 'No users.';
    const rows = users.map((user) => [user.jid, user.createdAt, roleText(user), String(user.sessions)]);
    const listed = table(['user', 'created', 'role', 'sessions'], rows);
    return more ? `${listed}\nThere are more: user list --after ${users.at(-1)?.jid}` : listed;
  },
};

/** Shows what is known of a user. */
export const userShow: BuiltIn<UserShowAnswer> = {
  name: 'user show',
  summary: 'Shows a user: created when, role, sessions.',
  parameters: [ACCOUNT],
  async run(args, ground) {
    const { jid, host } = accountOf(args, ground);
    const user = await host.users.get(jid.local);
    if (user === undefined) throw new CommandError(`there is no user ${jid}`);
    const sessions = [...(host.account(jid.local)?.sessions.values() ?? [])];
    return { ...describeUser(user, host, ground), sessions: sessions.map(describeSession) };
  },
  show(user) {
    const known = facts([
      ['User', user.jid],
      ['Created', user.createdAt],
      ['Role', roleText(user)],
      ['Sessions', user.sessions.length === 0 ? 'none' : String(user.sessions.length)],
    ]);
    return user.sessions.length === 0 ? known : `${known}\n\n${sessionTable(user.sessions)}`;
  },
};

/** The users asked for, in the order of the hosts; a few more than the limit at most. */
async function* usersOf(args: Arguments, ground: CommandGround, limit: number): AsyncIterable<[User, Host]> {
  const after = args['after'] === undefined ? undefined : addressOf(args, 'after');
  let hosts = args['host'] === undefined ? [...ground.hosts.values()] : [hostOf(String(args['host']), ground)];
  if (after !== undefined) hosts = hosts.slice(hosts.indexOf(hostOf(after.domain, ground)));
  let left = limit;
  for (const host of hosts) {
    const isFirst = after !== undefined && after.domain === host.domain;
    if (left <= 0) return;
    for await (const user of host.users.list({ limit: left, ...(isFirst ? { after: after.local } : {}) })) {
      left--;
      yield [user, host];
    }
  }
}

function describeUser(user: User, host: Host, { settings }: CommandGround): UserAnswer {
  const jid = user.jid.toString();
  return {
    jid,
    createdAt: new Date(user.createdAt).toISOString(),
    role: ownRole(settings.current, user),
    disabled: user.disabled,
    sessions: host.account(user.jid.local)?.sessions.size ?? 0,
  };
}

function roleText({ role, disabled }: { readonly role: string; readonly disabled: boolean }): string {
  return disabled ? `${role}, disabled` : role;
}

function passwordOf(jid: JID, args: Arguments): { readonly password: string; readonly answer: PasswordAnswer } {
  if (args['generate'] !== true) return { password: String(args['password']), answer: { jid: jid.toString() } };
  const password = readablePassword();
  return { password, answer: { jid: jid.toString(), password } };
}

function withPassword(line: string, { password }: PasswordAnswer): string {
  return password === undefined ? line : `${line}\nIts password is ${password} (shown only now).`;
}
