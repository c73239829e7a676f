import type { FeatureHost } from '../../core/feature.ts';
import type { AuthorizationCodes } from './codes.ts';
import type { OAuthConfig } from './config.ts';
import type { Devices } from './devices.ts';
import type { Issuer } from './issuer.ts';
import type { OAuthKeys } from './keys.ts';
import type { OAuthTokens } from './tokens.ts';

/** The authorization server of one host: what its endpoints and pages share. */
export interface Provider {
  readonly host: FeatureHost;
  readonly config: OAuthConfig;
  readonly issuer: Issuer;
  readonly keys: OAuthKeys;
  readonly tokens: OAuthTokens;
  readonly codes: AuthorizationCodes;
  readonly devices: Devices;
}
