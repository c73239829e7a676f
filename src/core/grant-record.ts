import type { TableSpec } from '../store/store.ts';
import { isRole, type Role } from './roles.ts';

/** A secret that proves a grant. How it is kept depends on the purpose: digested where that is enough, else sealed. */
export interface Token {
  /** What `Sealing` made of the secret. */
  readonly secret: string;
  /** Milliseconds since the Unix epoch. */
  readonly issuedAt: number;
  readonly expiresAt: number;
  /** What the purpose keeps with it. */
  readonly data: Facts;
}

/** Small facts that a purpose keeps, by name. */
export type Facts = Readonly<Record<string, string | number>>;

/**
 * Access to an account that does not need its password. Its tokens are part of it: they are written, counted and revoked
 * together with it, in one write.
 */
export interface Grant {
  /** Unique within the account. */
  readonly id: string;
  /** Who made it and knows what its tokens mean: `fast`, `oauth`. */
  readonly purpose: string;
  readonly role: Role;
  /** The client that it belongs to, as the purpose names clients; undefined before that is known. */
  readonly client: string | undefined;
  /** The grant that this one was derived from, and with which it ends. */
  readonly parent: string | undefined;
  /** Milliseconds since the Unix epoch. */
  readonly createdAt: number;
  /** When it was last used; may be some seconds behind. */
  readonly accessedAt: number;
  /** When it ends, whatever its tokens say; undefined: with the last of them. */
  readonly expiresAt: number | undefined;
  /** The only resource that a login by it may bind; undefined: any. */
  readonly resource?: string | undefined;
  /** By the name that the purpose gives them, so many at most as it needs. */
  readonly tokens: Readonly<Record<string, Token>>;
  readonly data: Facts;
}

/** The grants of all hosts, under domain, localpart and id. */
export const GRANTS: TableSpec<Grant> = { name: 'grants', parse: parseGrant };

/** Whether a grant can still be used: it has not expired, nor have all of its tokens. */
export function isLive({ expiresAt, tokens }: Grant, now: number): boolean {
  if (expiresAt !== undefined && expiresAt <= now) return false;
  return Object.values(tokens).some((token) => token.expiresAt > now);
}

function parseGrant(json: unknown): Grant {
  const { id, purpose, role, client, parent, createdAt, accessedAt, expiresAt, resource, tokens, data } = object(json);
  if (!isRole(role)) throw new TypeError('a grant has no role');
  return {
    id: text(id),
    purpose: text(purpose),
    role,
    client: client === undefined ? undefined : text(client),
    parent: parent === undefined ? undefined : text(parent),
    createdAt: time(createdAt),
    accessedAt: time(accessedAt),
    expiresAt: expiresAt === undefined ? undefined : time(expiresAt),
    ...(resource === undefined ? {} : { resource: text(resource) }),
    tokens: Object.fromEntries(Object.entries(object(tokens)).map(([name, token]) => [name, parseToken(token)])),
    data: facts(data),
  };
}

function parseToken(json: unknown): Token {
  const { secret, issuedAt, expiresAt, data } = object(json);
  return { secret: text(secret), issuedAt: time(issuedAt), expiresAt: time(expiresAt), data: facts(data) };
}

function facts(json: unknown): Facts {
  const found: Record<string, string | number> = {};
  for (const [name, value] of Object.entries(object(json))) {
    if (typeof value !== 'string' && typeof value !== 'number') throw new TypeError(`"${name}" of a grant is no fact`);
    found[name] = value;
  }
  return found;
}

function object(json: unknown): Record<string, unknown> {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw new TypeError('a grant is damaged');
  return { ...json };
}

function text(json: unknown): string {
  if (typeof json !== 'string') throw new TypeError('a text of a grant is damaged');
  return json;
}

function time(json: unknown): number {
  if (typeof json !== 'number') throw new TypeError('a time of a grant is damaged');
  return json;
}
