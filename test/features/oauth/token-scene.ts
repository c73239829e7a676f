import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { bearerTokens } from '../../../src/core/access.ts';
import type { Feature } from '../../../src/core/feature.ts';
import type { Role } from '../../../src/core/roles.ts';
import { bind2 } from '../../../src/features/bind2.ts';
import { clientManagement } from '../../../src/features/client-management/index.ts';
import { fast } from '../../../src/features/fast/index.ts';
import { endSessionsWithTokens } from '../../../src/features/oauth/sessions.ts';
import type { IssuedTokens } from '../../../src/features/oauth/token-mint.ts';
import { OAuthTokens, type TokenRequest, type TokensOptions } from '../../../src/features/oauth/tokens.ts';
import { sasl2 } from '../../../src/features/sasl2.ts';
import type { HttpRequest } from '../../../src/http/message.ts';
import { OAuthError, type OAuthErrorCode } from '../../../src/oauth/errors.ts';
import { roleOf } from '../../../src/oauth/scopes.ts';
import { DOMAIN, PASSWORD, Stage, type StageOptions } from '../../support/stage.ts';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
export const CLIENT = {
  hash: 'kT4xqV0sJcI1',
  name: 'Backup tool',
  uri: 'https://backup.example/',
  softwareId: '0b9f3d1e-5a7c-4c55-9f7e-2f6a1c0d8b11',
  softwareVersion: '2.1',
};
export const DISCOVERY = `https://${DOMAIN}/.well-known/oauth-authorization-server`;

const ROLES: readonly Role[] = ['normal', 'account-read', 'account-write'];

/** A stage where applications have bearer tokens, and a user, romeo. */
export async function open(
  t: TestContext,
  { features = [], tokens: options = {}, ...rest }: Partial<StageOptions> & { tokens?: Partial<TokensOptions> } = {},
) {
  let made: OAuthTokens | undefined;
  const feature: Feature = {
    name: 'oauthTokens',
    specs: [],
    setup(host) {
      made = new OAuthTokens({
        host,
        accessTokenTtlMs: HOUR_MS,
        refreshTokenTtlMs: 7 * DAY_MS,
        discoveryUrl: DISCOVERY,
        asPasswords: false,
        ...options,
      });
      host.provide(bearerTokens, made);
      endSessionsWithTokens(host, made);
    },
  };
  const stage = await Stage.open(t, {
    features: [sasl2, bind2, fast, clientManagement, ...features, feature],
    ...rest,
    config: { features: { clientManagement: { notifyNewClients: 'none' } }, ...rest.config },
  });
  if (!(await stage.host.users.exists('romeo'))) await stage.host.users.create('romeo', PASSWORD);
  assert.ok(made);
  const tokens = made;
  /** What romeo grants, unless said otherwise: everything. */
  const issue = (scope = 'xmpp', request: Partial<TokenRequest> = {}): Promise<IssuedTokens> => {
    const scopes = scope.split(' ');
    return tokens.issue({
      local: 'romeo',
      client: CLIENT,
      scopes,
      role: roleOf<Role>(scopes, 'member', ROLES),
      withRefresh: true,
      authenticatedAt: stage.clock.now(),
      ...request,
    });
  };
  const { grants, users } = stage.host;
  return { stage, tokens, issue, grants, users, clock: stage.clock };
}

export type TokenScene = Awaited<ReturnType<typeof open>>;

/** Expects an OAuthError with this code. */
export async function failsWith(code: OAuthErrorCode, run: () => Promise<unknown>): Promise<void> {
  await assert.rejects(run, (error) => error instanceof OAuthError && error.code === code, code);
}

/** A request with these Authorization headers, as far as it is looked at. */
export function requestWith(...authorization: readonly string[]): HttpRequest {
  const incoming = { headersDistinct: authorization.length === 0 ? {} : { authorization: [...authorization] } };
  return { incoming } as unknown as HttpRequest;
}
