import { bearerTokens } from '../../core/access.ts';
import type { FeatureHost } from '../../core/feature.ts';
import { accountRemoved } from '../../core/points.ts';
import { can, ownRole } from '../../core/roles.ts';
import type { User } from '../../core/users.ts';
import { HttpError, type HttpRequest } from '../../http/message.ts';
import type { JID } from '../../jid.ts';
import { XMPP_SCOPE } from '../../oauth/scopes.ts';
import { unguessableBytes } from '../../util/ids.ts';
import { secondFactors } from '../second-factor/api.ts';

const TOKEN_BYTES = 32;
/** All visits of a host, and those of one account; the oldest makes room. */
const MAX_VISITS = 200;
const MAX_VISITS_OF_ONE = 10;
const COOKIE = 'parley-dashboard';
/** What browsers take over https only. RFC 6265bis §4.1.3.1. */
const SECURE_COOKIE = `__Secure-${COOKIE}`;
/** Whose applications may do all that the account may. */
const SCOPES = [XMPP_SCOPE];

/** Somebody who may look at the dashboard. */
export interface Viewer {
  readonly jid: JID;
  /** Whether that is so still. */
  mayLook(): Promise<boolean>;
}

/** Somebody who has logged in by the form. */
interface Visit {
  readonly local: string;
  /** When the password was set that it began with. */
  readonly passwordUpdatedAt: number;
  /** Whether more than the password was proved. */
  readonly isProved: boolean;
  /** The second factors that there were then, any of which may have been the one. */
  readonly factors: readonly string[];
  /** By the clock that never jumps, in milliseconds. */
  readonly endsAt: number;
}

export interface ViewersOptions {
  readonly host: FeatureHost;
  /** For how long somebody may look without a new login, in milliseconds. */
  readonly visitMs: () => number;
}

/**
 * Who may look at the dashboard: administrators, by a cookie or by a bearer token. Visits are kept in memory, and end with the
 * role, the password, the account, and when the account asks for a second factor that the visit began without, or loses one.
 */
export class Viewers {
  readonly #options: ViewersOptions;
  /** By the token in the cookie, the oldest first. */
  readonly #visits = new Map<string, Visit>();

  constructor(options: ViewersOptions) {
    this.#options = options;
    options.host.observe(accountRemoved, ({ jid }) => this.#endAll(jid.local));
  }

  /** Begins a visit; returns the Set-Cookie header. RFC 6265 §4.1. */
  async begin(
    { jid, passwordUpdatedAt }: User,
    isProved: boolean,
    { secure }: Pick<HttpRequest, 'secure'>,
  ): Promise<string> {
    const { host, visitMs } = this.#options;
    const factors = (await host.find(secondFactors)?.names(jid.local)) ?? [];
    const endsAt = host.clock.monotonic() + visitMs();
    const token = unguessableBytes(TOKEN_BYTES).toString('base64url');
    this.#makeRoom(jid.local);
    this.#visits.set(token, { local: jid.local, passwordUpdatedAt, isProved, factors, endsAt });
    return setCookie(token, Math.floor(visitMs() / 1000), secure);
  }

  /** Ends the visit of a request, if it has one; returns the Set-Cookie header that removes the cookie. */
  end(request: HttpRequest): string {
    for (const token of tokensOf(request)) this.#visits.delete(token);
    return setCookie('', 0, request.secure);
  }

  /** Who visits by a cookie; undefined without one that is good. */
  async visitor(request: HttpRequest): Promise<Viewer | undefined> {
    for (const token of tokensOf(request)) {
      const visit = await this.#check(token);
      if (visit === undefined) continue;
      const jid = visit.jid;
      return { jid, mayLook: async () => (await this.#check(token)) !== undefined };
    }
    return undefined;
  }

  /** Who asks, by a cookie or a bearer token. Throws HttpError 400, 401 or 403. */
  async require(request: HttpRequest): Promise<Viewer> {
    if (request.headers.authorization !== undefined) return this.#bearer(request);
    const viewer = await this.visitor(request);
    if (viewer === undefined) throw new HttpError(401, 'Log in first.', { 'www-authenticate': 'Bearer' });
    return viewer;
  }

  /** Whether an account is that of an administrator: the configuration may name further ones. */
  isAdministrator(user: Pick<User, 'jid' | 'role'>): boolean {
    return ownRole(this.#options.host.settings.current, user) === 'admin';
  }

  async #bearer(request: HttpRequest): Promise<Viewer> {
    const tokens = this.#options.host.find(bearerTokens);
    if (tokens === undefined) throw new HttpError(401, 'There are no bearer tokens here.');
    const isEnough = async (): Promise<JID | undefined> => {
      const { jid, role } = await tokens.require(request, ...SCOPES);
      return role !== undefined && can(role, 'administer') ? jid : undefined;
    };
    const jid = await isEnough();
    if (jid === undefined) throw new HttpError(403, 'The dashboard is for administrators.');
    const mayLook = async (): Promise<boolean> => {
      try {
        return (await isEnough()) !== undefined;
      } catch (error) {
        if (error instanceof HttpError) return false;
        throw error;
      }
    };
    return { jid, mayLook };
  }

  async #check(token: string): Promise<User | undefined> {
    const { host } = this.#options;
    const visit = this.#visits.get(token);
    if (visit === undefined) return undefined;
    const user = await host.users.get(visit.local);
    if (user !== undefined && (await this.#isGood(visit, user))) return user;
    this.#visits.delete(token);
    return undefined;
  }

  async #isGood(visit: Visit, user: User): Promise<boolean> {
    const { endsAt, passwordUpdatedAt, isProved, factors, local } = visit;
    const { host } = this.#options;
    if (endsAt <= host.clock.monotonic() || user.disabled || user.passwordUpdatedAt !== passwordUpdatedAt) return false;
    if (!this.isAdministrator(user)) return false;
    const known = host.find(secondFactors);
    const present = (await known?.names(local)) ?? [];
    // What was lost or stolen is taken from the account, and with it whoever came in by it.
    if (!factors.every((name) => present.includes(name))) return false;
    return isProved || (await known?.of(local))?.isRequired !== true;
  }

  #endAll(local: string): void {
    for (const [token, visit] of this.#visits) if (visit.local === local) this.#visits.delete(token);
  }

  #makeRoom(local: string): void {
    const own = [...this.#visits].filter(([, visit]) => visit.local === local);
    for (const [token] of own.slice(0, Math.max(0, own.length + 1 - MAX_VISITS_OF_ONE))) this.#visits.delete(token);
    for (const token of this.#visits.keys()) {
      if (this.#visits.size < MAX_VISITS) break;
      this.#visits.delete(token);
    }
  }
}

// Without a path it is that of the request's folder, as the browser sees it: a proxy may serve us below a path. RFC 6265 §5.1.4.
function setCookie(value: string, maxAge: number, secure: boolean): string {
  const name = secure ? SECURE_COOKIE : COOKIE;
  return `${name}=${value}; Max-Age=${maxAge}; HttpOnly; SameSite=Strict${secure ? '; Secure' : ''}`;
}

/** Another site of the same domain may have set a cookie of the same name: there may be several. */
function* tokensOf({ headers, secure }: HttpRequest): Iterable<string> {
  const wanted = secure ? SECURE_COOKIE : COOKIE;
  for (const pair of (headers.cookie ?? '').split(';', 50)) {
    const [name = '', value = ''] = pair.trim().split('=', 2);
    if (name === wanted && value !== '') yield value;
  }
}
