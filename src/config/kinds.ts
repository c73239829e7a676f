import { isIP } from 'node:net';
import * as v from 'valibot';
import { JID, JidError, prepareDomain } from '../jid.ts';
import { parseAddressRange } from '../net/address-ranges.ts';
import { type Kind, strictly } from './schema.ts';
import { Secret } from './secret.ts';
import { absolute, surroundings } from './surroundings.ts';

/** `true` or `false`. */
export function flag() {
  return v.boolean('true or false');
}

/** A whole number between two bounds, both included. */
export function integer(min: number, max: number = Number.MAX_SAFE_INTEGER) {
  const unbounded = max === Number.MAX_SAFE_INTEGER;
  return integerWith(unbounded ? `an integer of at least ${min}` : `an integer from ${min} to ${max}`, min, max);
}

/** A time span in whole milliseconds, at most what a timer can wait (24 days). */
export function milliseconds(min: number = 1) {
  return integerWith(`milliseconds, an integer of at least ${min}`, min, 2 ** 31 - 1);
}

function integerWith(expected: string, min: number, max: number) {
  return v.pipe(v.number(expected), v.integer(expected), v.minValue(min, expected), v.maxValue(max, expected));
}

/**
 * A time span in seconds that is no reason not to start: what is no number of at least 0 parses to NaN, for which whoever
 * reads it has a default.
 */
export function lenientSeconds() {
  const isSpan = (value: unknown): value is number =>
    typeof value === 'number' && value >= 0 && value < Number.POSITIVE_INFINITY;
  return v.pipe(
    v.unknown(),
    v.transform((value) => (isSpan(value) ? value : Number.NaN)),
  );
}

/** A text that is not empty. */
export function text(expected: string = 'a string') {
  return v.pipe(v.string(expected), v.nonEmpty(expected));
}

/** One of a few names. */
export function oneOf<const N extends readonly string[]>(...names: N) {
  return v.picklist(names, names.length === 1 ? `"${names[0]}"` : `one of ${names.join(', ')}`);
}

/** A list; `expected` says of what. */
export function listOf<const K extends Kind>(kind: K, expected: string) {
  return v.array(kind, expected);
}

/** An object with exactly these fields; those made with `maybe` may be absent. */
export function fields<const E extends Readonly<Record<string, Kind>>>(expected: string, entries: E) {
  return strictly(v.object(entries, expected), Object.keys(entries));
}

/** A field of `fields` that may be absent. */
export function maybe<const K extends Kind>(kind: K) {
  return v.optional(kind);
}

/** What `kind` accepts, or `null`, which switches a limit off. */
export function orNull<const K extends Kind>(kind: K) {
  return v.nullable(kind);
}

/** What `kind` accepts, if it passes a check; `expected` says of what kind it is then. */
export function satisfying<const K extends Kind>(
  kind: K,
  passes: (value: v.InferOutput<K>) => boolean,
  expected: string,
) {
  return v.pipe(kind, v.check(passes, expected));
}

/** A sustained rate and the burst above it that is let through at once: a token bucket. */
export function rate() {
  return fields('a rate, {"perSecond": n, "burst": n}', { perSecond: integer(1), burst: integer(1) });
}

/** A number of events in a window of time. */
export function quota() {
  return fields('a quota, {"count": n, "perMs": n}', { count: integer(1), perMs: milliseconds() });
}

/** A path; a relative one starts at the configuration file's folder. Parses to an absolute path. */
export function path() {
  return v.pipe(text('a path'), v.transform(absolute));
}

/** An IP address to listen on. */
export function ipAddress() {
  const expected = 'an IP address, such as "::" or "127.0.0.1"';
  return v.pipe(
    v.string(expected),
    v.check((value) => isIP(value) !== 0, expected),
  );
}

/** An IP address, or a range of them in CIDR notation (RFC 4632 §3.1). */
export function addressRange() {
  const expected = 'an IP address or a range, such as "127.0.0.1" or "10.0.0.0/8"';
  return v.pipe(
    v.string(expected),
    v.check((value) => parseAddressRange(value) !== undefined, expected),
  );
}

/** An `https` URL of a place, without query, fragment or password. */
export function httpsUrl() {
  const expected = 'an https URL, such as "https://chat.example.org"';
  return v.pipe(
    v.string(expected),
    v.check((value) => isPlainHttpsUrl(value), expected),
  );
}

function isPlainHttpsUrl(text: string): boolean {
  if (!/^https:\/\/[^\s?#@\\]+$/i.test(text)) return false;
  return URL.canParse(text);
}

/** The domain of a virtual host; parses to its normal form (RFC 7622 §3.2). */
export function domain() {
  return prepared('a domain, such as "example.org"', prepareDomain);
}

/** The bare JID of an account; parses to its normal form (RFC 7622 §3). */
export function bareJid() {
  const expected = 'a bare JID, such as "alice@example.org"';
  return prepared(expected, (given) => {
    const jid = JID.parse(given);
    if (jid.local === '' || !jid.isBare) throw new Error(expected);
    return jid.toString();
  });
}

/** A text that `prepare` returns in its normal form; what it throws makes it a problem. */
export function prepared(expected: string, prepare: (given: string) => string) {
  return v.pipe(
    text(expected),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      try {
        return prepare(dataset.value);
      } catch (error) {
        addIssue({ message: error instanceof JidError ? `${expected} (the ${error.message})` : expected });
        return NEVER;
      }
    }),
  );
}

const REFERENCE = 'a string, {"file": "path"} or {"env": "NAME"}';

/** A secret, given as it is, as `{"file": "path"}` (its text without the last line break) or as `{"env": "NAME"}`. */
export function secret() {
  return secretWith(REFERENCE, (given) => given);
}

/**
 * A secret that usually lives in a file: a string is the file's path, unless it is PEM itself (RFC 7468);
 * `{"env": "NAME"}` holds the text itself.
 */
export function secretFile() {
  return secretWith('a path, {"file": "path"} or {"env": "NAME"}', (given, read) =>
    given.startsWith('-----BEGIN ') ? given : read(given),
  );
}

type Read = (path: string) => string;

function secretWith(expected: string, ofString: (given: string, read: Read) => string) {
  return v.pipe(
    v.union([text(expected), v.strictObject({ file: text() }), v.strictObject({ env: text() })], expected),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const given = dataset.value;
      try {
        if (typeof given === 'string') return new Secret(ofString(given, readSecretFile));
        if ('file' in given) return new Secret(readSecretFile(given.file));
        return new Secret(readVariable(given.env));
      } catch (error) {
        addIssue({ input: undefined, message: error instanceof Error ? error.message : expected });
        return NEVER;
      }
    }),
  );
}

function readSecretFile(name: string): string {
  const from = absolute(name);
  let content: string;
  try {
    content = surroundings().readFile(from);
  } catch (error) {
    throw new Error(`a readable file at ${from} (${reasonOf(error)})`);
  }
  const secretText = content.replace(/\r?\n$/, '');
  if (secretText === '') throw new Error(`a file with a secret in it at ${from}`);
  return secretText;
}

function reasonOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
}

function readVariable(name: string): string {
  const value = surroundings().env[name];
  if (value === undefined || value === '') throw new Error(`the environment variable ${name} to be set`);
  return value;
}
