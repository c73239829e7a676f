import type { Token } from '../../core/grant-record.ts';
import type { Role } from '../../core/roles.ts';
import { JID } from '../../jid.ts';
import { formatToken } from '../../oauth/token-text.ts';
import type { Clock } from '../../util/clock.ts';
import { type NewToken, storedToken } from './grant-tokens.ts';
import type { TokenSecrets, TokenUse } from './token-secrets.ts';

/** Tokens on their way to their client, the only place where they will be. */
export interface IssuedTokens {
  readonly grantId: string;
  readonly accessToken: string;
  /** In seconds. */
  readonly expiresIn: number;
  readonly scope: string;
  readonly refreshToken?: string;
}

/** What tokens are to be. */
export interface WantedTokens {
  readonly scope: string;
  readonly role: Role | undefined;
  readonly expiresAt: number | undefined;
  readonly withRefresh: boolean;
}

interface MintedToken {
  readonly text: string;
  readonly token: NewToken;
}

/** New tokens: for their client, and for the grant. */
export interface Minted {
  readonly accessId: string;
  readonly issued: IssuedTokens;
  readonly stored: (authenticatedAt: number, now: number) => Readonly<Record<string, Token>>;
}

export interface TokenMintOptions {
  readonly domain: string;
  readonly clock: Clock;
  readonly secrets: TokenSecrets;
  readonly accessTokenTtlMs: number;
  readonly refreshTokenTtlMs: number;
}

/** Makes the tokens of one host. */
export class TokenMint {
  readonly #options: TokenMintOptions;

  constructor(options: TokenMintOptions) {
    this.#options = options;
  }

  /** Makes an access token for a grant and, if wanted, a refresh token; nothing is stored here. */
  tokens(local: string, grantId: string, wanted: WantedTokens): Minted {
    const { domain, clock, secrets, accessTokenTtlMs, refreshTokenTtlMs } = this.#options;
    const { scope, role, expiresAt = Number.POSITIVE_INFINITY, withRefresh } = wanted;
    const jid = JID.of(local, domain).toString();
    const now = clock.now();
    const mint = (use: TokenUse, ttlMs: number): MintedToken => {
      const secret = secrets.make(use, { grantId, jid });
      const token: NewToken = {
        use,
        digest: secrets.digest(secret),
        expiresAt: Math.min(now + ttlMs, expiresAt),
        scope,
        role,
      };
      return { text: formatToken({ grantId, secret, jid }), token };
    };
    const access = mint('access', accessTokenTtlMs);
    const refresh = withRefresh ? mint('refresh', refreshTokenTtlMs) : undefined;
    const tokens = refresh === undefined ? [access.token] : [access.token, refresh.token];
    return {
      accessId: access.token.digest.id,
      issued: {
        grantId,
        accessToken: access.text,
        expiresIn: Math.floor((access.token.expiresAt - now) / 1000),
        scope,
        ...(refresh === undefined ? {} : { refreshToken: refresh.text }),
      },
      stored: (authenticatedAt, at) =>
        Object.fromEntries(tokens.map((token) => [token.digest.id, storedToken(token, authenticatedAt, at)])),
    };
  }
}
