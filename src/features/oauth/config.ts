import {
  flag,
  httpsUrl,
  integer,
  listOf,
  milliseconds,
  oneOf,
  orNull,
  path,
  satisfying,
  secret,
  secretFile,
  text,
} from '../../config/kinds.ts';
import { type ConfigOf, option, section } from '../../config/schema.ts';
import { DEVICE_CODE, type GrantType, RESPONSE_TYPES, type ResponseType } from '../../oauth/client.ts';
import { JWS_ALGORITHMS } from '../../oauth/jws.ts';
import { CODE_CHALLENGE_METHODS } from '../../oauth/pkce.ts';

/** The name that people write for the grant type of RFC 8628. */
const DEVICE_CODE_SHORT = 'device_code';
const MIN_KEY_CHARS = 32;

const registrationKey = satisfying(
  secret(),
  (key) => key.reveal().length >= MIN_KEY_CHARS,
  `a secret of at least ${MIN_KEY_CHARS} characters`,
);
const signingKey = secretFile();

const policy = satisfying(text(), (value) => /^[ -~]+$/.test(value), 'a policy in ASCII, on one line');

/** The options of the feature. */
export const config = section(
  'Access of applications to accounts without their passwords: OAuth 2.0 and OpenID Connect; see docs/oauth.md.',
  {
    publicUrl: option(httpsUrl(), {
      default: undefined,
      doc: 'The issuer: the https URL under which clients reach `/oauth2/` and `/.well-known/` for this host, when that is neither `http.publicUrl` nor `listen.https`. A URL that several hosts would have is that of the host of its name, or of none: give each its own, under `hosts`.',
      reload: 'restart',
    }),
    registrationKey: option(orNull(registrationKey), {
      default: undefined,
      doc: 'What registrations of clients are signed with, at least 32 characters; for an asymmetric `registrationAlgorithm` a private key in PEM. Unless given, one is made at the first start and kept in the store. `null`: no client can be registered, and none that was is known.',
      reload: 'restart',
    }),
    previousRegistrationKeys: option(listOf(registrationKey, 'a list of secrets'), {
      default: [],
      doc: 'Keys that `registrationKey` was before: clients that were registered with them stay known.',
      reload: 'restart',
    }),
    registrationAlgorithm: option(oneOf(...JWS_ALGORITHMS), {
      default: 'HS256',
      doc: 'How registrations are signed. All but `HS256` need a `registrationKey` in PEM.',
      reload: 'restart',
    }),
    registrationTtlMs: option(orNull(integer(1000)), {
      default: null,
      doc: 'For how long a client stays registered; `null`: for ever.',
      reload: 'restart',
    }),
    signingKey: option(signingKey, {
      default: undefined,
      doc: 'What ID tokens are signed with: a private key in PEM, on the curve P-256 (ES256) or RSA of 2048 bits or more (RS256). Unless given, one for ES256 is made at the first start and kept in the store.',
      reload: 'restart',
    }),
    previousSigningKeys: option(listOf(signingKey, 'a list of private keys in PEM'), {
      default: [],
      doc: 'Keys that `signingKey` was before: they stay published, so that what they signed can be checked.',
      reload: 'restart',
    }),
    accessTokenTtlMs: option(milliseconds(10_000), {
      default: 3_600_000,
      doc: 'For how long an access token is good.',
      reload: 'restart',
    }),
    refreshTokenTtlMs: option(milliseconds(60_000), {
      default: 604_800_000,
      doc: 'For how long a refresh token is good; each use of one gives another.',
      reload: 'restart',
    }),
    grantTypes: option(
      listOf(
        oneOf('authorization_code', 'refresh_token', DEVICE_CODE_SHORT, DEVICE_CODE, 'implicit', 'password'),
        'a list of grant types',
      ),
      {
        default: ['authorization_code', 'refresh_token', DEVICE_CODE_SHORT],
        doc: 'In which ways clients may get tokens. With `password` applications see passwords, which is what OAuth is there to avoid; `implicit` puts tokens into addresses.',
        reload: 'restart',
      },
    ),
    responseTypes: option(listOf(oneOf(...RESPONSE_TYPES), 'a list of response types'), {
      default: ['code'],
      doc: 'What the authorization endpoint answers with. `token` is for `implicit`.',
      reload: 'restart',
    }),
    codeChallengeMethods: option(listOf(oneOf(...CODE_CHALLENGE_METHODS), 'a list of methods'), {
      default: ['S256'],
      doc: 'How clients may bind codes to themselves (RFC 7636). `plain` protects from less.',
      reload: 'restart',
    }),
    requireCodeChallenge: option(flag(), {
      default: true,
      doc: 'Whether clients must bind codes to themselves (RFC 7636), unless the code is typed in by hand.',
      reload: 'restart',
    }),
    requireAuthRevoke: option(flag(), {
      default: false,
      doc: 'Whether only the client that has a token may revoke it. Otherwise whoever finds one may.',
      reload: 'restart',
    }),
    requireOfflineAccess: option(flag(), {
      default: false,
      doc: 'Whether refresh tokens are for the scope `offline_access` only. Otherwise every client that registered `refresh_token` gets one.',
      reload: 'restart',
    }),
    respectPrompt: option(flag(), {
      default: false,
      doc: 'Whether the parameter `prompt` of OpenID Connect is looked at. Otherwise people always log in and consent.',
      reload: 'restart',
    }),
    tokenAsPlainPassword: option(flag(), {
      default: false,
      doc: 'Whether clients that know no OAUTHBEARER may send an access token as the password of PLAIN.',
      reload: 'restart',
    }),
    siteName: option(orNull(text()), {
      default: null,
      doc: 'What the place is called on the pages; `null` for the name of the host.',
      reload: 'restart',
    }),
    templatePath: option(orNull(path()), {
      default: null,
      doc: 'A directory with files that make the pages your own, read at the start and with every reload; see docs/oauth.md.',
      reload: 'restart',
    }),
    securityPolicy: option(policy, {
      default: "default-src 'self'",
      doc: 'The Content-Security-Policy of the pages. Nobody may frame them, whatever it says; without an `img-src` of its own they show pictures of the server only.',
      reload: 'restart',
    }),
    policyUrl: option(orNull(httpsUrl()), {
      default: null,
      doc: 'What clients are told is the policy on how they may use data.',
      reload: 'restart',
    }),
    termsUrl: option(orNull(httpsUrl()), {
      default: null,
      doc: 'What clients are told are the terms of service.',
      reload: 'restart',
    }),
    documentationUrl: option(orNull(httpsUrl()), {
      default: null,
      doc: 'Where developers of clients are told to read about this server.',
      reload: 'restart',
    }),
    locales: option(listOf(text('a language, such as "de"'), 'a list of languages'), {
      default: ['en', 'de'],
      doc: 'In which languages clients may register names and links beside those without a language (RFC 7591 §2.2).',
      reload: 'restart',
    }),
    registrationsPerMinute: option(integer(1), {
      default: 10,
      doc: 'How many clients may be registered from one address in a minute.',
      reload: 'restart',
    }),
    tokenRequestsPerMinute: option(integer(1), {
      default: 60,
      doc: 'How many requests a client may send to the token endpoint in a minute, one without a secret from each address; and how many devices may ask for codes from one address.',
      reload: 'restart',
    }),
  },
);

export type OAuthConfig = ConfigOf<typeof config>;

/** The grant types that are open, by their full names. */
export function grantTypesOf({ grantTypes }: Pick<OAuthConfig, 'grantTypes'>): readonly GrantType[] {
  return [...new Set(grantTypes.map((name) => (name === DEVICE_CODE_SHORT ? DEVICE_CODE : name)))];
}

/** The response types that are open: tokens are given away only where the grant type is open, too. RFC 6749 §4.2. */
export function responseTypesOf(config: Pick<OAuthConfig, 'grantTypes' | 'responseTypes'>): readonly ResponseType[] {
  const hasImplicit = grantTypesOf(config).includes('implicit');
  return config.responseTypes.filter((type) => type !== 'token' || hasImplicit);
}
