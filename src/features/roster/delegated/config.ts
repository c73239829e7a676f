import { validateHeaderValue } from 'node:http';
import {
  addressRange,
  fields,
  flag,
  integer,
  listOf,
  maybe,
  milliseconds,
  oneOf,
  orNull,
  satisfying,
  secret,
  text,
} from '../../../config/kinds.ts';
import { type ConfigOf, optIn, option, section } from '../../../config/schema.ts';
import type { Secret } from '../../../config/secret.ts';
import { parseEndpoint, parseEndpointTemplate } from './endpoint.ts';

function urlTemplate() {
  const expected =
    'an http or https URL with exactly one %s in its path or query and no password, such as "https://app.example.org/contacts/%s"';
  return satisfying(text(expected), (url) => parseEndpointTemplate(url) !== undefined, expected);
}

function url() {
  const expected = 'an http or https URL without a password, such as "https://app.example.org/contacts"';
  return satisfying(text(expected), (given) => parseEndpoint(given) !== undefined, expected);
}

/** Longer than that, nobody waits for the answer to a refresh. */
const MAX_TIMEOUT_MS = 60_000;

function timeout() {
  const expected = `milliseconds, an integer from 100 to ${MAX_TIMEOUT_MS}`;
  return satisfying(milliseconds(100), (ms) => ms <= MAX_TIMEOUT_MS, expected);
}

/** Whoever wants to guess one may try for years. */
const MIN_SECRET_LENGTH = 16;

function hmacSecret() {
  const expected = `a secret of at least ${MIN_SECRET_LENGTH} characters`;
  return satisfying(secret(), (given) => given.reveal().length >= MIN_SECRET_LENGTH, expected);
}

function bearerToken() {
  const expected = `a token of at least ${MIN_SECRET_LENGTH} characters without white space`;
  return satisfying(secret(), (given) => isToken(given.reveal()), expected);
}

function isToken(text: string): boolean {
  return text.length >= MIN_SECRET_LENGTH && !/[\s\p{Cc}]/u.test(text);
}

function outwardAuth() {
  const expected = 'one of {"bearer": "…"}, {"user": "…", "password": "…"} and {"hmacSecret": "…"}';
  const kind = fields(expected, {
    bearer: maybe(secret()),
    user: maybe(text()),
    password: maybe(secret()),
    hmacSecret: maybe(hmacSecret()),
  });
  return satisfying(kind, isOneWay, expected);
}

function isOneWay(auth: {
  bearer?: Secret | undefined;
  user?: string | undefined;
  password?: Secret | undefined;
  hmacSecret?: Secret | undefined;
}) {
  const { bearer, user, password, hmacSecret } = auth;
  // RFC 7617 §2: the colon ends the name of the user.
  if (user?.includes(':') || (user === undefined) !== (password === undefined)) return false;
  if (bearer !== undefined && !isHeaderText(bearer.reveal())) return false;
  return [bearer, user, hmacSecret].filter((way) => way !== undefined).length === 1;
}

function isHeaderText(value: string): boolean {
  try {
    validateHeaderValue('authorization', value);
    return true;
  } catch {
    return false;
  }
}

const refresh = section(
  'Who may tell the server that rosters have changed. Every check that is configured must pass; without any, only this machine may.',
  {
    bearerTokens: option(listOf(bearerToken(), 'a list of tokens'), {
      default: [],
      doc: 'Tokens that callers may show (`Authorization: Bearer …`); several, so that one can be replaced without a gap. Each has at least 16 characters.',
      reload: 'live',
    }),
    hmacSecrets: option(listOf(hmacSecret(), 'a list of secrets'), {
      default: [],
      doc: 'Secrets with which callers may sign: `X-Timestamp` is the time in seconds, at most 300 from ours, and `X-Signature` is `sha256=` and the HMAC-SHA-256 in hexadecimal digits of time, a dot and body. Each has at least 16 characters.',
      reload: 'live',
    }),
    allowAddresses: option(listOf(addressRange(), 'a list of addresses and ranges'), {
      default: [],
      doc: 'The addresses from which calls are taken, also as ranges. When this is empty and neither tokens nor secrets are configured, only loopback is allowed.',
      reload: 'live',
    }),
    namesPerMinute: option(integer(1), {
      default: 600,
      doc: 'For how many users one caller may ask in a minute.',
      reload: 'live',
    }),
  },
);

/** The options of the feature: where rosters come from, how patiently they are asked for, and what holds in an outage. */
export const config = optIn(
  section('Contact lists that another application or the groups of the host own; takes the place of `roster`.', {
    source: option(oneOf('http', 'groups'), {
      default: 'http',
      doc: '`http`: the application at `url` is asked. `groups`: everybody in a group of this host has the others in it as contacts; of the options, only `onFailure` and `refresh` matter then.',
      reload: 'restart',
    }),
    url: option(urlTemplate(), {
      default: 'http://localhost/%s',
      doc: 'Where the contacts of a user are; `%s` becomes the percent-encoded localpart.',
      reload: 'restart',
    }),
    batchUrl: option(url(), {
      default: undefined,
      doc: 'Where those of several users are: `POST ["john","aaron"]` is answered with `{"john": {…}, "aaron": {…}}`. Names are collected for 50 ms, at most 200 of them. `url` is not used then.',
      reload: 'restart',
    }),
    timeoutMs: option(timeout(), {
      default: 10_000,
      doc: 'How long fetching may take in all, with the tries that are repeated, from when it begins. Waiting for a turn is not a part of it; see `maxConcurrent`.',
      reload: 'restart',
    }),
    maxBytes: option(integer(1024), {
      default: 4_194_304,
      doc: 'The size of one answer, also that of a batch. A larger one is a failure, and so is a roster of more than `limits.account.rosterItems` contacts.',
      reload: 'restart',
    }),
    onFailure: option(oneOf('close', 'stale', 'empty'), {
      default: 'close',
      doc: 'What a login gets when fetching fails. `close`: an error, and the stream ends. `stale`: the last good roster, or `close` if there is none. `empty`: an empty roster. With the latter two the roster is asked for again in the background.',
      reload: 'restart',
    }),
    auth: option(orNull(outwardAuth()), {
      default: null,
      doc: 'How the server proves itself to the application: `bearer`: a token. `user` and `password`: HTTP Basic. `hmacSecret`: `X-Timestamp` (seconds), and `X-Signature`, which is `sha256=` and the HMAC-SHA-256 in hexadecimal digits of time, a dot and the path with its query; in a batch, another dot and the body follow.',
      reload: 'restart',
    }),
    denyPrivateAddresses: option(flag(), {
      default: false,
      doc: 'Whether to connect to addresses of the public internet only, whatever the name in `url` stands for.',
      reload: 'restart',
    }),
    domainContacts: option(flag(), {
      default: false,
      doc: 'Whether a domain without a user, such as that of a gateway, may be a contact.',
      reload: 'restart',
    }),
    maxConcurrent: option(integer(1, 1000), {
      default: 16,
      doc: 'How many requests are under way at once. Further ones wait: logins before refreshes, first come, first served; a login at most 15 minutes, a refresh 45 seconds.',
      reload: 'restart',
    }),
    maxWaiting: option(integer(1), {
      default: 10_000,
      doc: 'How many users may wait for that; beyond it, refreshes are refused. Logins are refused beyond four times as many.',
      reload: 'restart',
    }),
    cacheDays: option(integer(0, 365), {
      default: 7,
      doc: 'How long the last good roster of a user is kept for an outage, and so that the application need not send again what has not changed; 0 keeps none.',
      reload: 'restart',
    }),
    cacheRosters: option(integer(2), {
      default: 10_000,
      doc: 'How many of them are kept in memory; those that have not been used for longest go first.',
      reload: 'restart',
    }),
    cacheOnDisk: option(flag(), {
      default: false,
      doc: 'Whether they are kept in the store too, so that they outlive a restart.',
      reload: 'restart',
    }),
    refresh,
  }),
);

export type DelegatedRosterConfig = ConfigOf<typeof config>;
