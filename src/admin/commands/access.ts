import { type Arguments, CommandError, type Parameter } from '../../core/commands.ts';
import { StanzaError } from '../../errors.ts';
import { type Client, type ClientAccess, clientAccess } from '../../features/client-management/api.ts';
import { lastlog, type Occasion } from '../../features/lastlog/api.ts';
import type { JID } from '../../jid.ts';
import type { BuiltIn, CommandGround } from '../ground.ts';
import { printable } from '../table.ts';
import { accountOf, addressOf } from './addressing.ts';

const DAY_MS = 86_400_000;
/** In characters of the table's column. */
const MAX_SOFTWARE = 32;

const ACCOUNT: Parameter = { name: 'jid', kind: 'jid', doc: 'The user: alice@example.org' };

/** Something that has access. Times are ISO 8601; what is null is not known, or does not expire. */
type ClientAnswer = {
  readonly id: string;
  readonly type: string;
  readonly connected: boolean;
  readonly software: string | null;
  readonly version: string | null;
  readonly uri: string | null;
  readonly device: string | null;
  readonly firstSeen: string;
  readonly lastSeen: string;
  readonly expiresAt: string | null;
  readonly authentication: readonly string[];
  readonly permission: string;
};

type ClientsAnswer = { readonly jid: string; readonly now: string; readonly clients: readonly ClientAnswer[] };

type OccasionAnswer = { readonly at: string; readonly address: string | null };

type LastlogAnswer = {
  readonly jid: string;
  readonly login: OccasionAnswer | null;
  readonly logout: OccasionAnswer | null;
  readonly registered: OccasionAnswer | null;
};

/** Lists what has access to an account. */
export const userClients: BuiltIn<ClientsAnswer> = {
  name: 'user clients',
  summary: "Lists the clients and applications that have access to a user's account.",
  parameters: [ACCOUNT],
  async run(args, ground) {
    const { jid, access } = await accessTo(args, ground);
    const clients = (await access.list(jid.local)).map(describeClient);
    return { jid: jid.toString(), now: iso(ground.clock.now()), clients };
  },
  show({ clients, now }) {
    if (clients.length === 0) return 'No clients have access';
    const count = clients.length === 1 ? '1 client' : `${clients.length} clients`;
    return `${clientTable(clients, Date.parse(now))}\n${count}`;
  },
};

/** Takes the access of one of them away. */
export const userRevoke: BuiltIn<{ readonly jid: string; readonly id: string }> = {
  name: 'user revoke',
  summary: 'Takes the access of a client or application to an account away; ends its sessions.',
  parameters: [
    ACCOUNT,
    { name: 'id', kind: 'text', doc: 'As listed: client/… or grant/…; or software/NAME or software/NAME/VERSION' },
  ],
  async run(args, ground) {
    const { jid, access } = await accessTo(args, ground);
    const id = await idOf(String(args['id']), jid, access);
    const { needsNewPassword } = await access.revoke(jid.local, id).catch((error: unknown) => {
      const isUnknown = error instanceof StanzaError && error.condition === 'item-not-found';
      throw isUnknown ? unknownClient(jid, id) : error;
    });
    if (!needsNewPassword) return { jid: jid.toString(), id };
    throw new CommandError(
      `Password reset required: the tokens and sessions of ${id} are gone, but it knows the password of ${jid}`,
    );
  },
  show: () => 'Access revoked',
};

/** Shows when an account was last used. */
export const userLastlog: BuiltIn<LastlogAnswer> = {
  name: 'user lastlog',
  summary: 'Shows when a user last logged in and out.',
  parameters: [ACCOUNT],
  async run(args, ground) {
    const { jid, host } = accountOf(args, ground);
    const activity = host.services.has(lastlog) ? await host.services.use(lastlog).of(jid.local) : undefined;
    if (activity === undefined) throw new CommandError('No record found');
    const { login, logout, registered } = activity;
    return {
      jid: jid.toString(),
      login: describeOccasion(login),
      logout: describeOccasion(logout),
      registered: describeOccasion(registered),
    };
  },
  show({ login, logout, registered }) {
    const kinds = [
      ['Last login', login],
      ['Last logout', logout],
      ['Registered', registered],
    ] as const;
    return kinds.flatMap(([name, occasion]) => (occasion === null ? [] : occasionLines(name, occasion))).join('\n');
  },
};

async function accessTo(
  args: Arguments,
  ground: CommandGround,
): Promise<{ readonly jid: JID; readonly access: ClientAccess }> {
  const services = ground.hosts.get(addressOf(args, 'jid').domain)?.services;
  if (services?.has(clientAccess) !== true) {
    throw new CommandError('No such host, or client management is not loaded there');
  }
  const { jid, host } = accountOf(args, ground);
  if (!(await host.users.exists(jid.local))) throw new CommandError(`there is no user ${jid}`);
  return { jid, access: services.use(clientAccess) };
}

/** The identifier that is meant: as it is, or that of the first client of some software. */
async function idOf(selector: string, jid: JID, access: ClientAccess): Promise<string> {
  if (!selector.startsWith('software/')) return selector;
  const wanted = selector.slice('software/'.length);
  const isWanted = ({ agent: { software, softwareVersion } }: Client): boolean =>
    software !== undefined && (software === wanted || `${software}/${softwareVersion}` === wanted);
  const found = (await access.list(jid.local)).find(isWanted);
  if (found === undefined) throw unknownClient(jid, selector);
  return found.id;
}

function unknownClient(jid: JID, selector: string): CommandError {
  return new CommandError(`${jid} has no client ${selector}`);
}

function describeClient(client: Client): ClientAnswer {
  const { id, type, isConnected, agent, firstSeen, lastSeen, expiresAt, markers, status } = client;
  return {
    id,
    type,
    connected: isConnected,
    software: agent.software ?? null,
    version: agent.softwareVersion ?? null,
    uri: agent.uri ?? null,
    device: agent.device ?? null,
    firstSeen: iso(firstSeen),
    lastSeen: iso(lastSeen),
    expiresAt: expiresAt === undefined ? null : iso(expiresAt),
    authentication: markers,
    permission: status,
  };
}

function describeOccasion(occasion: Occasion | undefined): OccasionAnswer | null {
  return occasion === undefined ? null : { at: iso(occasion.at), address: occasion.address ?? null };
}

function occasionLines(name: string, { at, address }: OccasionAnswer): string[] {
  const line = `${name}: ${at.slice(0, 10)} ${at.slice(11, 19)}`;
  return address === null ? [line] : [line, `IP address: ${address}`];
}

function clientTable(clients: readonly ClientAnswer[], now: number): string {
  const headings = ['ID', 'Software', 'First seen', 'Last seen', 'Expires', 'Authentication'];
  const rows = clients.map((client) => [
    client.id,
    softwareOf(client),
    shortTime(client.firstSeen, now),
    shortTime(client.lastSeen, now),
    client.expiresAt === null ? '' : shortTime(client.expiresAt, now),
    [...client.authentication, ...(client.connected ? ['connected'] : [])].sort().join(', '),
  ]);
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const render = (cells: readonly string[]): string =>
    cells
      .map((cell, column) =>
        TIMES.includes(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join(' | ')
      .trimEnd();
  const rule = '-'.repeat(widths.reduce((sum, width) => sum + width, 3 * (widths.length - 1)));
  return [render(headings), rule, ...rows.map(render), rule].join('\n');
}

/** The columns that hold times. */
const TIMES: readonly number[] = [2, 3, 4];

function softwareOf({ software, version }: ClientAnswer): string {
  const name = printable([software, version].filter((part) => part !== null).join('/'));
  return name.length > MAX_SOFTWARE ? `${name.slice(0, MAX_SOFTWARE - 1)}…` : name;
}

// In UTC, as all times here.
function shortTime(time: string, now: number): string {
  return Math.abs(Date.parse(time) - now) < DAY_MS ? time.slice(11, 19) : time.slice(0, 10);
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
