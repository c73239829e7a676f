import { type Grant, isLive } from '../../core/grant-record.ts';
import { can, type Role } from '../../core/roles.ts';
import type { Session } from '../../core/session.ts';
import { usesPassword } from '../../sasl/upgrade.ts';
import type { AccessMarker, AccessStatus, Client, ClientAgent } from './api.ts';
import type { ClientRecord } from './record.ts';

/** What a record alone does not tell of a client's access. */
export interface Circumstances {
  readonly passwordUpdatedAt: number;
  /** What the account itself may do. */
  readonly role: Role;
  /** Those that can be used. */
  readonly grants: readonly Grant[];
  /** The sessions of the account by the key of the client's record. */
  readonly sessions: ReadonlyMap<string, Session>;
}

/** Something that has access, and what it has it by. */
export interface Entry {
  readonly client: Client;
  /** Undefined for a grant that no client has used to log in. */
  readonly record: ClientRecord | undefined;
  /** Those that end with it, in the order in which they are to be revoked: tokens first. */
  readonly grants: readonly Grant[];
}

/** The grants that can be used: not expired, newer than the password, and derived from none that cannot. */
export function usable(grants: readonly Grant[], now: number, passwordUpdatedAt: number): Grant[] {
  const live = grants.filter((grant) => {
    const tokens = Object.entries(grant.tokens).filter(([, { issuedAt }]) => issuedAt >= passwordUpdatedAt);
    return isLive({ ...grant, tokens: Object.fromEntries(tokens) }, now);
  });
  return live.filter(({ parent }) => parent === undefined || live.some(({ id }) => id === parent));
}

/** Describes a record's client; undefined when nothing gives it access any more. */
export function entryOf(record: ClientRecord, circumstances: Circumstances): Entry | undefined {
  const { key, handle, firstSeen, lastSeen, agent } = record;
  const { grants, role } = circumstances;
  const session = circumstances.sessions.get(key);
  const tokens = grants.filter(({ purpose, client }) => purpose === 'fast' && client === key);
  const grant = grants.find(({ id }) => id === record.grantId);
  const hasPassword = lastPasswordLogin(record) >= circumstances.passwordUpdatedAt;
  const markers: AccessMarker[] = [];
  if (tokens.length > 0) markers.push('fast');
  if (grant !== undefined) markers.push('grant');
  if (hasPassword) markers.push('password');
  if (markers.length === 0 && session === undefined) return undefined;
  const own = grant === undefined ? tokens : [...tokens, grant];
  const roles = own.map((one) => one.role);
  const scopes = own.flatMap(scopesOf);
  if (hasPassword) roles.push(role);
  if (roles.length === 0) roles.push(session?.login?.role ?? role);
  return {
    record,
    grants: own,
    client: {
      id: `client/${handle}`,
      type: 'session',
      isConnected: session !== undefined,
      firstSeen: Math.min(firstSeen, grant?.createdAt ?? firstSeen),
      lastSeen: Math.max(lastSeen, grant?.accessedAt ?? lastSeen),
      markers,
      ...accessOf(roles, scopes),
      agent,
      expiresAt: grant && expiryOf(grant),
    },
  };
}

/** Describes a grant that no client's record stands for. */
export function entryOfGrant(grant: Grant): Entry {
  return {
    record: undefined,
    grants: [grant],
    client: {
      id: `grant/${grant.id}`,
      type: 'access',
      isConnected: false,
      firstSeen: grant.createdAt,
      lastSeen: grant.accessedAt,
      markers: [grant.purpose === 'fast' ? 'fast' : 'grant'],
      ...accessOf([grant.role], scopesOf(grant)),
      agent: agentOf(grant),
      expiresAt: expiryOf(grant),
    },
  };
}

/** Describes all that has access to an account, the one last seen latest last. */
export function describeAll(records: readonly ClientRecord[], circumstances: Circumstances): Entry[] {
  const clients = records.flatMap((record) => entryOf(record, circumstances) ?? []);
  const shown = new Set(clients.flatMap(({ grants }) => grants));
  const grants = circumstances.grants.filter((grant) => !shown.has(grant));
  return [...clients, ...grants.map(entryOfGrant)].sort(byLastSeen);
}

/** When a record's client last logged in with the password; before all times if it never did. */
export function lastPasswordLogin({ mechanisms }: ClientRecord): number {
  const logins = Object.entries(mechanisms).filter(([mechanism]) => usesPassword(mechanism));
  return Math.max(Number.NEGATIVE_INFINITY, ...logins.map(([, at]) => at));
}

/** What a grant tells of the program that it was given to, in the names of RFC 7591 §2. */
export function agentOf({ data }: Grant): ClientAgent {
  const fact = (name: string): string | undefined => (data[name] === undefined ? undefined : String(data[name]));
  return {
    software: fact('client_name'),
    softwareId: fact('software_id'),
    softwareVersion: fact('software_version'),
    uri: fact('client_uri'),
  };
}

/** What a grant was given, in the words of its purpose if that has any. */
function scopesOf({ role, data }: Grant): readonly string[] {
  const { scope } = data;
  return typeof scope === 'string' ? scope.split(' ') : [role];
}

function accessOf(
  roles: readonly Role[],
  scopes: readonly string[],
): { readonly status: AccessStatus; readonly scopes: readonly string[] } {
  if (roles.some((role) => can(role, 'manage-clients') && can(role, 'change-password'))) {
    return { status: 'unrestricted', scopes: [] };
  }
  if (roles.some((role) => can(role, 'communicate'))) return { status: 'normal', scopes: [] };
  return { status: 'restricted', scopes: [...new Set(scopes.length === 0 ? roles : scopes)] };
}

function expiryOf({ expiresAt, tokens }: Grant): number {
  return expiresAt ?? Math.max(...Object.values(tokens).map((token) => token.expiresAt));
}

function byLastSeen({ client: a }: Entry, { client: b }: Entry): number {
  return a.lastSeen - b.lastSeen || a.firstSeen - b.firstSeen || (a.id < b.id ? -1 : 1);
}
