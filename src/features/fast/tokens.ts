// Each client of an account has one grant with two tokens at most. A new token goes into the slot `new`; the first login
// with it moves it to `current`, and the one that was there is gone. So a client that never received the new one still gets
// in with the old. XEP-0484 §5.1.
//
// What must be durable before success is said: the move, the count, the end of tokens that the client wants invalidated. In a
// usual login there is none of these, and nothing is written but the time of use, seconds later and together with others'.

import type { Fast, FastLogin, IssuedToken } from '../../core/fast.ts';
import type { Grant, Token } from '../../core/grant-record.ts';
import type { Grants } from '../../core/grants.ts';
import type { Login } from '../../core/login.ts';
import type { Role } from '../../core/roles.ts';
import type { Users } from '../../core/users.ts';
import { SaslError } from '../../errors.ts';
import type { JID } from '../../jid.ts';
import type { FastUse } from '../../sasl/authenticate.ts';
import type { HtToken } from '../../sasl/ht.ts';
import { type Awaitable, isPromise } from '../../util/awaitable.ts';
import type { Clock } from '../../util/clock.ts';
import { unguessableBytes } from '../../util/ids.ts';
import { LruCache } from '../../util/lru.ts';

const PURPOSE = 'fast';
const SLOTS = ['new', 'current'] as const;
const SECRET_BYTES = 27;
/** So many grants that were revoked are remembered, for as long as a login may take. */
const REMEMBERED = 1000;

export interface FastTokensOptions {
  readonly domain: string;
  readonly grants: Grants;
  readonly users: Users;
  readonly clock: Clock;
  readonly tokenTtlMs: number;
  readonly rotateAfterMs: number;
}

/** The tokens of the clients of one host. */
export class FastTokens implements Fast {
  readonly #options: FastTokensOptions;
  // What the grants that were used lately hold, opened.
  readonly #opened: OpenedGrants = new WeakMap();
  readonly #revokedAt = new LruCache<string, number>(REMEMBERED);

  constructor(options: FastTokensOptions) {
    this.#options = options;
    const { grants, clock } = options;
    grants.onRevoked((_local, { id }, reason) => {
      if (reason === 'revoked') this.#revokedAt.set(id, clock.now());
    });
  }

  attempt(clientId: string, use: FastUse): FastLogin {
    return new Attempt(this.#options, this.#opened, clientId, use);
  }

  async issue({ local }: JID, clientId: string, mechanism: string, login: Login): Promise<IssuedToken | undefined> {
    const { grants, clock, tokenTtlMs } = this.#options;
    const id = grants.idFor(local, PURPOSE, clientId);
    const isRevoked = (): boolean => (this.#revokedAt.get(id) ?? login.at) > login.at;
    const secret = `secret-token:fast-${unguessableBytes(SECRET_BYTES).toString('base64url')}`;
    const expiresAt = clock.now() + tokenTtlMs;
    const token: Token = {
      secret: grants.sealing.seal(secret, placeOf(this.#options.domain, local, id)),
      // Not now: the password may have been changed since it was given.
      issuedAt: login.at,
      expiresAt,
      data: { mechanism },
    };
    const draft = {
      purpose: PURPOSE,
      role: login.role,
      client: clientId,
      parent: login.grantId,
      tokens: { new: token },
    };
    let isFirst = false;
    await grants.change(local, id, (old) => {
      if (isRevoked()) return old;
      isFirst = old === undefined;
      // What was derived from another grant, or with another role, must not live on with these.
      if (old === undefined || old.parent !== login.grantId || old.role !== login.role) return grants.draft(draft, id);
      return { ...old, tokens: { ...old.tokens, new: token } };
    });
    if (isRevoked()) return undefined;
    if (isFirst) await grants.makeRoom(local, PURPOSE, login.grantId);
    return { token: secret, expiresAt };
  }
}

/** What is known of the token that was proved. */
interface Proved {
  readonly local: string;
  readonly grant: Grant;
  readonly token: Token;
}

type Opened = ReadonlyMap<HtToken, Token>;
type OpenedGrants = WeakMap<Grant, Opened>;

class Attempt implements FastLogin {
  readonly #options: FastTokensOptions;
  readonly #clientId: string;
  readonly #use: FastUse;
  readonly #opened: OpenedGrants;
  #found: { readonly local: string; readonly grant: Grant; readonly tokens: Opened } | undefined;
  #proved: Proved | undefined;

  constructor(options: FastTokensOptions, opened: OpenedGrants, clientId: string, use: FastUse) {
    this.#options = options;
    this.#opened = opened;
    this.#clientId = clientId;
    this.#use = use;
  }

  get isDue(): boolean {
    const { clock, rotateAfterMs } = this.#options;
    return this.#proved !== undefined && clock.now() - this.#proved.token.issuedAt > rotateAfterMs;
  }

  get derivedFrom(): { readonly grantId: string; readonly role: Role } | undefined {
    const { parent, role } = this.#proved?.grant ?? {};
    return parent === undefined || role === undefined ? undefined : { grantId: parent, role };
  }

  candidates(local: string): Awaitable<readonly HtToken[]> {
    const { grants } = this.#options;
    const grant = grants.get(local, grants.idFor(local, PURPOSE, this.#clientId));
    return isPromise(grant)
      ? grant.then((stored) => this.#candidatesOf(local, stored))
      : this.#candidatesOf(local, grant);
  }

  #candidatesOf(local: string, grant: Grant | undefined): readonly HtToken[] {
    if (grant === undefined) return [];
    const tokens = this.#opened.get(grant) ?? this.#open(local, grant);
    this.#opened.set(grant, tokens);
    this.#found = { local, grant, tokens };
    return [...tokens.keys()];
  }

  #open(local: string, grant: Grant): Opened {
    const { grants, domain } = this.#options;
    const tokens = new Map<HtToken, Token>();
    for (const slot of SLOTS) {
      const token = grant.tokens[slot];
      if (token === undefined) continue;
      const secret = grants.sealing.open(token.secret, placeOf(domain, local, grant.id));
      if (secret !== undefined) tokens.set({ mechanism: String(token.data['mechanism']), secret }, token);
    }
    return tokens;
  }

  // Whoever gets here knows the token, so it is no secret what is wrong with it.
  async proved(candidate: HtToken): Promise<void> {
    const token = this.#found?.tokens.get(candidate);
    if (this.#found === undefined || token === undefined) throw new SaslError('not-authorized');
    const { local, grant } = this.#found;
    const proved: Proved = { local, grant, token };
    if (!(await this.#isGood(proved))) {
      await this.#drop(proved);
      throw new SaslError('credentials-expired');
    }
    this.#requireNewCount(proved.token);
    this.#proved = proved;
  }

  use(): Awaitable<void> {
    const proved = this.#proved;
    if (proved === undefined) throw new SaslError('not-authorized');
    const { local, grant, token } = proved;
    const { count, invalidate } = this.#use;
    if (count === undefined && !invalidate && grant.tokens['new']?.secret !== token.secret) {
      return this.#options.grants.used(local, grant.id);
    }
    return this.#write(proved);
  }

  async #write({ local, grant: { id }, token: { secret } }: Proved): Promise<void> {
    const { grants, clock } = this.#options;
    const { count, invalidate } = this.#use;
    await grants.change(local, id, (grant) => {
      const { new: unused, current } = grant?.tokens ?? {};
      const token = [unused, current].find((stored) => stored?.secret === secret);
      // Another login was faster.
      if (grant === undefined || token === undefined) throw new SaslError('not-authorized');
      this.#requireNewCount(token);
      if (invalidate) return undefined;
      const used = count === undefined ? token : { ...token, data: { ...token.data, count } };
      const waiting = unused === undefined || unused === token ? {} : { new: unused };
      return { ...grant, accessedAt: clock.now(), tokens: { ...waiting, current: used } };
    });
  }

  async #isGood({ local, grant, token }: Proved): Promise<boolean> {
    const { clock, users, grants } = this.#options;
    if (token.expiresAt <= clock.now()) return false;
    const password = await users.password(local);
    if (password !== undefined && token.issuedAt < password.updatedAt) return false;
    return grant.parent === undefined || grants.isLive(local, grant.parent);
  }

  #requireNewCount({ data }: Token): void {
    const { count } = this.#use;
    const last = data['count'];
    if (count !== undefined && typeof last === 'number' && count <= last) throw new SaslError('not-authorized');
  }

  async #drop({ local, grant: { id }, token: { secret } }: Proved): Promise<void> {
    await this.#options.grants.change(local, id, (grant) => {
      const left = Object.entries(grant?.tokens ?? {}).filter(([, token]) => token.secret !== secret);
      return grant === undefined || left.length === 0 ? undefined : { ...grant, tokens: Object.fromEntries(left) };
    });
  }
}

/** Where a token is sealed: it opens in its own grant only, whichever slot it is in. */
function placeOf(domain: string, local: string, id: string): string {
  return `${domain}\0${local}\0${id}`;
}
