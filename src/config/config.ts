import {
  addressRange,
  bareJid,
  domain,
  fields,
  flag,
  httpsUrl,
  integer,
  ipAddress,
  listOf,
  maybe,
  oneOf,
  orNull,
  path,
  quota,
  secret,
  secretFile,
  text,
} from './kinds.ts';
import { limits } from './limits.ts';
import { metrics } from './metrics.ts';
import { type ConfigOf, option, overrides, type Section, section, sectionMap, switchable } from './schema.ts';

/** The SASL mechanisms that can be configured, strongest first. RFC 5802, RFC 7677, RFC 4422 Appendix A, RFC 7628, RFC 4616, RFC 4505. */
export const MECHANISMS = [
  'SCRAM-SHA-512-PLUS',
  'SCRAM-SHA-256-PLUS',
  'SCRAM-SHA-1-PLUS',
  'SCRAM-SHA-512',
  'SCRAM-SHA-256',
  'SCRAM-SHA-1',
  'EXTERNAL',
  'OAUTHBEARER',
  'PLAIN',
  'ANONYMOUS',
] as const;

const addresses = listOf(text('a URI, such as "mailto:abuse@example.org"'), 'a list of URIs');

function contact(what: string) {
  return option(addresses, { default: [], doc: `${what}, as URIs.`, reload: 'live' });
}

const hostOptions = {
  name: option(text(), {
    default: undefined,
    doc: 'A name for people, shown by service discovery.',
    reload: 'live',
  }),
  tls: option(
    fields('an object with "certificate" and "key"', {
      certificate: path(),
      key: secretFile(),
      keyPassphrase: maybe(secret()),
    }),
    {
      default: undefined,
      doc: 'The certificate of this host, in the place of `tls`, chosen by server name indication. An object with `certificate`, `key` and, for an encrypted key, `keyPassphrase`, as in `tls`.',
      reload: 'live',
    },
  ),
  archiveDays: option(orNull(integer(1, 36_500)), {
    default: undefined,
    doc: 'For how many days the message archives of this host keep messages, in the place of `features.mam.keepDays`; `null` for ever.',
    reload: 'live',
  }),
  contacts: section('Contact addresses that service discovery tells everyone (XEP-0157).', {
    abuse: contact('Where to report abuse'),
    admin: contact('The administrators'),
    feedback: contact('Where feedback is welcome'),
    sales: contact('Whom to ask about buying'),
    security: contact('Where to report a security problem'),
    status: contact('Where the status of the service is told'),
    support: contact('Where users get help'),
  }),
};

const listeners = listOf(
  fields('an object with "address" and "port"', { address: ipAddress(), port: integer(0, 65535) }),
  'a list of { "address", "port" }',
);

const listen = section(
  'Where the server listens. Each is a list of `{ "address": IP address, "port": 0 to 65535 }`; `[]` switches a listener off, port 0 picks a free one, the address `::` means every address of both families.',
  {
    c2s: option(listeners, {
      default: [{ address: '::', port: 5222 }],
      doc: 'Clients over TCP, encrypted with STARTTLS (RFC 6120 §5).',
      reload: 'restart',
    }),
    c2sTls: option(listeners, {
      default: [{ address: '::', port: 5223 }],
      doc: 'Clients over TLS from the first byte (XEP-0368).',
      reload: 'restart',
    }),
    http: option(listeners, {
      default: [{ address: '127.0.0.1', port: 5280 }],
      doc: 'HTTP without encryption: WebSocket, host-meta and health. For a reverse proxy on the same machine.',
      reload: 'restart',
    }),
    https: option(listeners, {
      default: [{ address: '::', port: 5281 }],
      doc: 'HTTP over TLS: WebSocket (RFC 7395), host-meta (XEP-0156) and health.',
      reload: 'restart',
    }),
  },
);

const http = section('The HTTP server: both the listeners `listen.http` and `listen.https`.', {
  publicUrl: option(httpsUrl(), {
    default: undefined,
    doc: 'The https URL at which clients reach the HTTP server, when that is not `listen.https` itself but a reverse proxy. host-meta (XEP-0156) names it.',
    reload: 'live',
  }),
  trustedProxies: option(listOf(addressRange(), 'a list of IP addresses and ranges'), {
    default: [],
    doc: 'The addresses of reverse proxies, also as ranges (`10.0.0.0/8`). Of connections from them, `X-Forwarded-For` tells the address of the client and `X-Forwarded-Proto` whether it is encrypted; from others both are ignored.',
    reload: 'live',
  }),
});

const tls = section(
  'Encryption. Without a certificate the server makes a self-signed one in the data directory on its first start. Certificate files are read again by a reload.',
  {
    certificate: option(path(), {
      default: undefined,
      doc: 'The certificate in PEM, followed by its intermediate certificates (often named fullchain.pem).',
      reload: 'live',
    }),
    key: option(secretFile(), {
      default: undefined,
      doc: 'The private key in PEM: the path of its file, or `{"env": "NAME"}` for a variable that holds the key itself.',
      reload: 'live',
    }),
    keyPassphrase: option(secret(), {
      default: undefined,
      doc: 'What the private key is encrypted with, if it is.',
      reload: 'live',
    }),
    minVersion: option(oneOf('TLSv1.2', 'TLSv1.3'), {
      default: 'TLSv1.2',
      doc: 'The oldest version of TLS that is accepted.',
      reload: 'live',
    }),
    ciphers: option(text(), {
      default: undefined,
      doc: "OpenSSL's list of cipher suites, for those who must; Node's defaults are good.",
      reload: 'live',
    }),
    clientCertificates: section('Login with a client certificate (SASL EXTERNAL, XEP-0178).', {
      enabled: option(flag(), {
        default: false,
        doc: 'Whether clients are asked for a certificate.',
        reload: 'restart',
      }),
      certificateAuthorities: option(listOf(path(), 'a list of paths'), {
        default: [],
        doc: 'The authorities, in PEM, whose client certificates are believed. Only these, never those of the system.',
        reload: 'restart',
      }),
    }),
  },
);

const c2s = section('Streams of clients.', {
  requireEncryption: option(flag(), {
    default: true,
    doc: 'Whether clients must encrypt before they log in. Switch it off for load tests on one machine only.',
    reload: 'live',
  }),
});

function failures(count: number, what: string) {
  return option(orNull(quota()), {
    default: { count, perMs: 60_000 },
    doc: `${what}. Beyond it logins are refused with \`temporary-auth-failure\` for a while; \`null\` switches this off.`,
    reload: 'live',
  });
}

const auth = section('How users prove who they are.', {
  mechanisms: option(listOf(oneOf(...MECHANISMS), 'a list of SASL mechanisms'), {
    default: MECHANISMS.filter((name) => name !== 'ANONYMOUS'),
    doc: 'The SASL mechanisms offered, in order of preference. One that cannot work on a stream is not offered there: PLUS needs TLS, EXTERNAL a client certificate (`tls.clientCertificates`), OAUTHBEARER the feature `oauth` and encryption, PLAIN encryption. ANONYMOUS (XEP-0175) is the one that is not in the default.',
    reload: 'live',
  }),
  allowPlaintext: option(flag(), {
    default: false,
    doc: 'Whether PLAIN is offered on streams without encryption, for load tests on one machine. Needs `c2s.requireEncryption: false`.',
    reload: 'live',
  }),
  iterations: option(integer(4096, 10_000_000), {
    default: 10_000,
    doc: 'PBKDF2 iterations for passwords set from now on (XEP-0438). More makes a stolen database harder to break and setting a password slower.',
    reload: 'live',
  }),
  maxFailuresPerStream: option(integer(1), {
    default: 5,
    doc: 'Failed logins after which a stream is closed.',
    reload: 'live',
  }),
  failuresPerAddress: failures(10, 'Failed logins from one address (IPv6: one /64), to whatever account'),
  failuresPerAccountFromAddress: failures(5, 'Failed logins to one account from one address'),
  failuresPerAccount: failures(
    20,
    'Failed logins to one account from anywhere; addresses from which the account has logged in lately are exempt',
  ),
});

const registration = section('Accounts made and changed by clients (XEP-0077).', {
  enabled: option(flag(), {
    default: false,
    doc: 'Whether anyone may create an account. An open server attracts spammers within days.',
    reload: 'live',
  }),
  allowPasswordChange: option(flag(), {
    default: true,
    doc: 'Whether users may change their password from their client.',
    reload: 'live',
  }),
  rateLimit: option(orNull(quota()), {
    default: { count: 3, perMs: 3_600_000 },
    doc: 'Accounts that one address (IPv6: one /64) may create in a time; `null` switches this off.',
    reload: 'live',
  }),
});

const log = section('What the server writes about itself, on standard output.', {
  level: option(oneOf('trace', 'debug', 'info', 'warn', 'error', 'silent'), {
    default: 'info',
    doc: 'The least important level that is written. `debug` adds stanza headers, never their content.',
    reload: 'live',
  }),
  format: option(oneOf('pretty', 'json'), {
    default: 'pretty',
    doc: '`pretty`: lines for people. `json`: one JSON object per line, for programs.',
    reload: 'restart',
  }),
});

const storage = section('Where accounts, rosters and messages are kept.', {
  engine: option(oneOf('level'), {
    default: 'level',
    doc: '`level`: LevelDB inside the data directory.',
    reload: 'restart',
  }),
  sync: option(oneOf('always', 'none'), {
    default: 'always',
    doc: '`always`: every group of writes is on the disk before it is acknowledged. `none`: a power failure may lose the last seconds; a crash of the server alone loses nothing.',
    reload: 'restart',
  }),
});

/**
 * Defines the whole configuration: the server's own sections, and under `features` one section per feature, which
 * may also be `true` or `false`. `undefined` stands for a feature without options.
 */
export function defineConfig(features: Readonly<Record<string, Section | undefined>>) {
  const switches = Object.fromEntries(
    Object.entries(features).map(([name, options]) => [name, switchable(options ?? section('Has no options.', {}))]),
  );
  const host = section('What differs from one virtual host to another.', {
    ...hostOptions,
    features: overrides(
      'features',
      switches,
      'Features of this host, as in `features`, in the place of what is there: an object with the options that shall not be default, `true` or `false`. What is not named is as in `features`.',
    ),
  });
  return section('The configuration of the server.', {
    dataDir: option(path(), {
      default: './data',
      doc: "The directory of everything the server keeps. A relative path starts at the configuration file's folder, or at the working directory when there is no file.",
      reload: 'restart',
    }),
    hosts: sectionMap(domain(), host, {
      default: { localhost: {} },
      doc: 'The domains served here, each with its options; `{}` is enough.',
      reload: 'restart',
    }),
    admins: option(listOf(bareJid(), 'a list of bare JIDs'), {
      default: [],
      doc: 'The bare JIDs of the administrators.',
      reload: 'live',
    }),
    listen,
    http,
    tls,
    c2s,
    auth,
    registration,
    limits,
    log,
    metrics,
    storage,
    features: section(
      'What the server can do beyond moving stanzas. Each feature takes an object with its options, `true` or `{}` for all defaults, or `false`, which switches it off. Hosts may have their own (`hosts.<name>.features`).',
      switches,
    ),
  });
}

/** The definition of a configuration with some set of features. */
export type ConfigDefinition = ReturnType<typeof defineConfig>;

/** A checked configuration: every option present, addresses prepared, paths absolute, secrets read. */
export type Config = ConfigOf<ConfigDefinition>;

/** Returns the features of a host: its own where it has any, otherwise those of all hosts. */
export function featuresOf({ hosts, features }: Config, domain: string): Config['features'] {
  return { ...features, ...hosts[domain]?.features };
}
