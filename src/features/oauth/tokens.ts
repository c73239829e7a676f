import type { Config } from '../../config/config.ts';
import type { Access, BearerTokens } from '../../core/access.ts';
import type { FeatureHost } from '../../core/feature.ts';
import type { Facts, Grant, Token } from '../../core/grant-record.ts';
import { type AccountRole, granted, ownRole, type Role } from '../../core/roles.ts';
import type { User } from '../../core/users.ts';
import type { HttpRequest } from '../../http/message.ts';
import { JID } from '../../jid.ts';
import type { CounterMetric } from '../../metrics/metrics.ts';
import { OAuthError } from '../../oauth/errors.ts';
import { formatScope, parseScope, roleOf, XMPP_SCOPE } from '../../oauth/scopes.ts';
import { looksLikeToken, parseToken } from '../../oauth/token-text.ts';
import { newId } from '../../util/ids.ts';
import { bearerError, bearerToken } from './bearer.ts';
import { factsOf, findToken, MAX_REFRESH_TOKENS, refreshTokens, renewed, without } from './grant-tokens.ts';
import { endSessions, type TokenPresence } from './sessions.ts';
import { type IssuedTokens, TokenMint } from './token-mint.ts';
import { type TokenDigest, TokenSecrets, type TokenUse } from './token-secrets.ts';

/** Of the grants that applications are given. */
export const PURPOSE = 'oauth';

/** What an account may give to an application instead of its own role. XEP-0493 §5. */
export const ASSUMABLE_ROLES: readonly Role[] = ['normal', 'account-read', 'account-write'];

/** How seldom the time at which a grant was used is written. */
const USE_MS = 60_000;

export interface TokensOptions {
  readonly host: Pick<FeatureHost, 'domain' | 'grants' | 'users' | 'clock' | 'metrics' | 'account' | 'kick'> & {
    readonly settings: { readonly current: Pick<Config, 'admins'> };
  };
  readonly accessTokenTtlMs: number;
  readonly refreshTokenTtlMs: number;
  readonly discoveryUrl: string | undefined;
  /** Whether a token may be sent in the place of a password. */
  readonly asPasswords: boolean;
}

/** The application that a grant is for. */
export interface GrantedClient {
  /** SHA-256 of its identifier, in base64url. */
  readonly hash: string;
  readonly name: string;
  readonly uri?: string | undefined;
  readonly softwareId?: string | undefined;
  readonly softwareVersion?: string | undefined;
}

/** What the owner of an account gives to an application. */
export interface TokenRequest {
  /** A prepared localpart. */
  readonly local: string;
  readonly client: GrantedClient;
  readonly scopes: readonly string[];
  /** What a login may do; undefined where the scopes give no access over XMPP. */
  readonly role: Role | undefined;
  /** The only resource that a login may bind; undefined: any. */
  readonly resource?: string | undefined;
  readonly withRefresh: boolean;
  /** When the owner proved who it is: a password that is newer voids the grant. In milliseconds since the Unix epoch. */
  readonly authenticatedAt: number;
  /** When the grant ends, whatever its tokens say; undefined: with the last of them. In the same unit. */
  readonly expiresAt?: number | undefined;
  /** What else is kept with the grant; `facts` of {@link RefreshedTokens} has it. */
  readonly facts?: Facts;
}

/** The same, with what an ID token is made of. */
export interface RefreshedTokens extends IssuedTokens {
  readonly jid: JID;
  readonly facts: Facts;
}

/** A token that was ended. */
export interface RevokedToken {
  readonly use: TokenUse;
  /** Whose account it was for: a bare JID. */
  readonly jid: JID;
  readonly grantId: string;
}

/** What a token is, for introspection. RFC 7662 §2.2. */
export interface TokenDescription {
  readonly use: TokenUse;
  readonly jid: JID;
  readonly grantId: string;
  readonly tokenId: string;
  readonly clientHash: string;
  readonly scopes: readonly string[];
  /** Milliseconds since the Unix epoch. */
  readonly issuedAt: number;
  readonly expiresAt: number;
}

/** A token that is good, with all that it depends on. */
interface Found {
  readonly use: TokenUse | 'spent';
  readonly user: User;
  readonly grant: Grant;
  readonly token: Token;
  readonly tokenId: string;
}

/** A token of ours: whether it is good is another question. */
interface Recognized {
  readonly use: TokenUse;
  readonly local: string;
  readonly grantId: string;
  readonly digest: TokenDigest;
}

/** The tokens that applications have of the accounts of one host. RFC 6749, RFC 6750. */
export class OAuthTokens implements BearerTokens, TokenPresence {
  readonly loginScope = XMPP_SCOPE;
  readonly isToken = looksLikeToken;
  readonly #options: TokensOptions;
  readonly #secrets: TokenSecrets;
  readonly #mint: TokenMint;
  readonly #events: CounterMetric<'event'>;
  // When the grants that are at hand were used last.
  readonly #usedAt = new WeakMap<Grant, number>();

  constructor(options: TokensOptions) {
    this.#options = options;
    const { domain, clock, grants, metrics } = options.host;
    this.#events = metrics.counter({
      name: 'oauth_tokens_total',
      help: 'Grants that were issued tokens, refreshes, refresh tokens that were replayed, tokens that were revoked.',
      labels: ['event'],
    });
    this.#secrets = new TokenSecrets(grants.sealing);
    this.#mint = new TokenMint({ ...options, domain, clock, secrets: this.#secrets });
  }

  get discoveryUrl(): string | undefined {
    return this.#options.discoveryUrl;
  }

  get asPasswords(): boolean {
    return this.#options.asPasswords;
  }

  /** Makes a grant with its first tokens; resolves when they are durable. Throws OAuthError `invalid_grant`. */
  async issue(request: TokenRequest): Promise<IssuedTokens> {
    const { local, client, scopes, role, resource, expiresAt, authenticatedAt, facts = {} } = request;
    const { grants, users, clock } = this.#options.host;
    const user = await users.get(local);
    // The password may have been changed since it was given.
    if (user === undefined || user.disabled || authenticatedAt < user.passwordUpdatedAt) throw invalidGrant();
    const grantId = newId();
    const scope = formatScope(scopes);
    const minted = this.#mint.tokens(local, grantId, { scope, role, expiresAt, withRefresh: request.withRefresh });
    const draft = {
      purpose: PURPOSE,
      // There is none that may do nothing at all; what a login may do stands with the token.
      role: role ?? 'account-read',
      client: client.hash,
      expiresAt,
      resource,
      tokens: minted.stored(authenticatedAt, clock.now()),
      data: { ...facts, ...factsOfClient(client), scope },
    };
    await grants.create(local, draft, grantId);
    this.#events.add({ event: 'issued' });
    return minted.issued;
  }

  /**
   * Uses a refresh token up and makes its successor, with another access token; resolves when they are durable. `scopes` may be
   * less than was granted. Throws OAuthError: `invalid_scope` for more, or for nothing; `invalid_grant` for a token that is not good or
   * another client's. For one that was used up before, the grant ends: whoever uses it now, somebody has stolen it. RFC 6749 §6,
   * RFC 9700 §4.14.2.
   */
  async refresh(text: string, clientHash: string, scopes?: readonly string[]): Promise<RefreshedTokens> {
    const { grants, clock } = this.#options.host;
    const recognized = this.#recognize(text);
    if (recognized?.use !== 'refresh') throw invalidGrant();
    const { local, grantId, digest } = recognized;
    const found = await this.#find(recognized);
    if (found === undefined) throw await this.#replayed(recognized, clientHash);
    const { grant, token, user } = found;
    if (grant.client !== clientHash || user.disabled) throw invalidGrant();
    const all = scopesOf(grant);
    const wanted = scopes ?? parseScope(factsOf(token).scope);
    if (wanted.length === 0 || !wanted.every((scope) => all.includes(scope))) {
      throw new OAuthError('invalid_scope', 'The scope is empty, or more than what was granted.');
    }
    const { expiresAt } = grant;
    const role = this.#roleOf(wanted, grant, user);
    const minted = this.#mint.tokens(local, grantId, {
      scope: formatScope(wanted),
      role,
      expiresAt,
      withRefresh: true,
    });
    const changed = await grants.change(local, grantId, (current) => {
      const now = clock.now();
      const own = current && findToken(current, digest, now);
      // Revoked meanwhile, or used up by somebody faster and for the last time.
      if (current === undefined || own === undefined) return current;
      if (factsOf(own).use === 'spent' && refreshTokens(current, now) >= MAX_REFRESH_TOKENS) throw invalidGrant();
      return renewed(current, own, minted.stored(own.issuedAt, now), now);
    });
    if (changed?.tokens[minted.accessId] === undefined) throw invalidGrant();
    this.#events.add({ event: 'refreshed' });
    return { ...minted.issued, jid: user.jid, facts: grant.data };
  }

  async verify(text: string): Promise<Access | undefined> {
    const found = await this.#findAccess(text);
    return found === undefined || found.user.disabled ? undefined : this.#access(found);
  }

  async verifyForLogin(text: string): Promise<Access | undefined> {
    const found = await this.#findAccess(text);
    return found && this.#access(found);
  }

  isMadeUp(text: string): boolean {
    return this.#recognize(text) === undefined;
  }

  async require(request: HttpRequest, ...scopes: readonly string[]): Promise<Access> {
    const { domain } = this.#options.host;
    const access = await this.verify(bearerToken(request, domain));
    if (access === undefined) throw bearerError(domain, 'invalid_token', 'The token is not good or has expired');
    if (scopes.length > 0 && !scopes.some((scope) => access.scopes.includes(scope))) {
      throw bearerError(domain, 'insufficient_scope', 'The token does not give access to this', scopes[0]);
    }
    return access;
  }

  /** What a token is, for whatever use; undefined for one that is not good now. */
  async describe(text: string): Promise<TokenDescription | undefined> {
    const recognized = this.#recognize(text);
    const found = recognized && (await this.#find(recognized));
    if (found === undefined || found.use === 'spent' || found.user.disabled) return undefined;
    const { use, user, grant, token, tokenId } = found;
    const { scope, madeAt } = factsOf(token);
    return {
      use,
      jid: user.jid,
      grantId: grant.id,
      tokenId,
      clientHash: grant.client ?? '',
      scopes: parseScope(scope),
      issuedAt: madeAt,
      expiresAt: token.expiresAt,
    };
  }

  /**
   * Ends a token with the sessions that were opened by it: an access token alone, a refresh token with its whole grant. Resolves
   * with what was ended when that is durable. Rejects with OAuthError `unauthorized_client` of status 403 if the token is another
   * client's than `clientHash`; undefined: whoever has it may end it. RFC 7009 §2.1.
   */
  async revoke(text: string, clientHash?: string): Promise<RevokedToken | undefined> {
    const { host } = this.#options;
    const { grants, clock, domain } = host;
    const recognized = this.#recognize(text);
    const grant = recognized && (await grants.get(recognized.local, recognized.grantId));
    if (recognized === undefined || grant?.purpose !== PURPOSE) return undefined;
    const { use, local, grantId, digest } = recognized;
    const { id: tokenId } = digest;
    const found = findToken(grant, digest, clock.now());
    // One that was used up ends its grant, too: its successor may have gone to somebody else.
    if (found === undefined && !(use === 'refresh' && isUsedUp(grant, digest))) return undefined;
    if (clientHash !== undefined && grant.client !== clientHash) {
      throw new OAuthError('unauthorized_client', 'The token was issued to another client.', { status: 403 });
    }
    const isLast = without(grant, tokenId, clock.now()) === undefined;
    if (use === 'refresh' || isLast) await grants.revoke(local, grantId);
    else await grants.change(local, grantId, (current) => current && without(current, tokenId, clock.now()));
    endSessions(host, local, (login) => login.grantId === grantId && login.tokenId === tokenId);
    this.#events.add({ event: 'revoked' });
    return { use, jid: JID.of(local, domain), grantId };
  }

  /** Whether a token of a grant, named by its identifier, is there still; it may have expired. */
  async has(local: string, grantId: string, tokenId: string | undefined): Promise<boolean> {
    const grant = await this.#options.host.grants.get(local, grantId);
    return grant !== undefined && (tokenId === undefined || Object.hasOwn(grant.tokens, tokenId));
  }

  /** The scopes of each grant that a client has of an account, as they were granted. */
  async grantedTo(local: string, clientHash: string): Promise<readonly (readonly string[])[]> {
    const grants = await this.#options.host.grants.list(local);
    return grants.filter(({ purpose, client }) => purpose === PURPOSE && client === clientHash).map(scopesOf);
  }

  // All that can be told without the store.
  #recognize(text: string): Recognized | undefined {
    const parts = parseToken(text);
    const suffix = `@${this.#options.host.domain}`;
    if (parts === undefined || !parts.jid.endsWith(suffix)) return undefined;
    const use = this.#secrets.useOf(parts.secret, parts);
    if (use === undefined) return undefined;
    const digest = this.#secrets.digest(parts.secret);
    return { use, local: parts.jid.slice(0, -suffix.length), grantId: parts.grantId, digest };
  }

  async #find({ use, local, grantId, digest }: Recognized): Promise<Found | undefined> {
    const { grants, users, clock } = this.#options.host;
    const grant = await grants.get(local, grantId);
    const token = grant?.purpose === PURPOSE ? findToken(grant, digest, clock.now()) : undefined;
    if (grant === undefined || token === undefined) return undefined;
    const user = await users.get(local);
    if (user === undefined || token.issuedAt < user.passwordUpdatedAt) return undefined;
    const facts = factsOf(token);
    return { use: facts.use === 'spent' ? 'spent' : use, user, grant, token, tokenId: digest.id };
  }

  async #findAccess(text: string): Promise<Found | undefined> {
    const recognized = this.#recognize(text);
    return recognized?.use === 'access' ? this.#find(recognized) : undefined;
  }

  #access({ user, grant, token, tokenId }: Found): Access {
    this.#used(user.jid.local, grant);
    const { scope, role } = factsOf(token);
    return {
      jid: user.jid,
      grantId: grant.id,
      tokenId,
      scopes: parseScope(scope),
      role: role && granted(role, this.#ownRole(user)),
      resource: grant.resource,
      expiresAt: token.expiresAt,
    };
  }

  #used(local: string, grant: Grant): void {
    const { grants, clock } = this.#options.host;
    const now = clock.now();
    if (now - (this.#usedAt.get(grant) ?? grant.accessedAt) < USE_MS) return;
    this.#usedAt.set(grant, now);
    grants.used(local, grant.id);
  }

  #ownRole(user: User): AccountRole {
    return ownRole(this.#options.host.settings.current, user);
  }

  // The role of fewer scopes may be another, but never more than what was granted.
  #roleOf(scopes: readonly string[], grant: Grant, user: User): Role | undefined {
    const role = roleOf<Role>(scopes, this.#ownRole(user), ASSUMABLE_ROLES);
    return role && granted(role, grant.role);
  }

  /** The error for a refresh token of ours that is not good; ends its grant if it was used up. */
  async #replayed({ local, grantId, digest }: Recognized, clientHash: string): Promise<OAuthError> {
    const { grants } = this.#options.host;
    const grant = await grants.get(local, grantId);
    // What has merely expired is still there.
    const isReplay = grant?.purpose === PURPOSE && grant.client === clientHash && isUsedUp(grant, digest);
    if (isReplay) {
      await grants.revoke(local, grantId);
      this.#events.add({ event: 'replayed' });
    }
    return invalidGrant();
  }
}

function isUsedUp({ tokens }: Grant, { id }: TokenDigest): boolean {
  const token = Object.hasOwn(tokens, id) ? tokens[id] : undefined;
  return token === undefined || factsOf(token).use === 'spent';
}

function scopesOf({ data }: Grant): readonly string[] {
  return parseScope(String(data['scope'] ?? ''));
}

/** By the names of RFC 7591 §2, by which the owner is shown what has access. */
function factsOfClient({ hash, name, uri, softwareId, softwareVersion }: GrantedClient): Facts {
  return {
    client_hash: hash,
    client_name: name,
    ...(uri === undefined ? {} : { client_uri: uri }),
    ...(softwareId === undefined ? {} : { software_id: softwareId }),
    ...(softwareVersion === undefined ? {} : { software_version: softwareVersion }),
  };
}

function invalidGrant(): OAuthError {
  return new OAuthError('invalid_grant', 'The token is not good for this client.');
}
