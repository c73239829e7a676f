import { parseAddressRange } from '../net/address-ranges.ts';
import { featureContradictions } from './check-features.ts';
import type { Config } from './config.ts';
import { type ConfigProblem, quote } from './problem.ts';

/** Finds what no option shows by itself: options that contradict each other, or hardly do what was meant. */
export function checkTogether(config: Config): { problems: readonly ConfigProblem[]; warnings: readonly string[] } {
  return { problems: [...contradictions(config), ...featureContradictions(config)], warnings: [...suspicions(config)] };
}

function contradictions({ hosts, tls, auth, limits }: Config): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  if (Object.keys(hosts).length === 0) {
    problems.push({ path: 'hosts', expected: 'at least one host', found: 'none' });
  }
  if (tls.certificate !== undefined && tls.key === undefined) {
    problems.push({ path: 'tls.key', expected: 'the key of tls.certificate', found: 'nothing' });
  }
  if (tls.key !== undefined && tls.certificate === undefined) {
    problems.push({ path: 'tls.certificate', expected: 'the certificate of tls.key', found: 'nothing' });
  }
  if (tls.clientCertificates.enabled && tls.clientCertificates.certificateAuthorities.length === 0) {
    const path = 'tls.clientCertificates.certificateAuthorities';
    problems.push({ path, expected: 'at least one, since client certificates are enabled', found: 'an empty list' });
  }
  if (auth.mechanisms.length === 0) {
    problems.push({ path: 'auth.mechanisms', expected: 'at least one mechanism', found: 'an empty list' });
  }
  if (limits.stanza.bytesBeforeAuth > limits.stanza.bytes) {
    const expected = `at most limits.stanza.bytes, which is ${limits.stanza.bytes}`;
    problems.push({ path: 'limits.stanza.bytesBeforeAuth', expected, found: quote(limits.stanza.bytesBeforeAuth) });
  }
  return problems;
}

function* suspicions({ hosts, admins, listen, http, c2s, auth, registration, metrics }: Config): Iterable<string> {
  for (const admin of admins) {
    const domain = admin.slice(admin.indexOf('@') + 1);
    if (!Object.hasOwn(hosts, domain)) yield `admins: ${admin} is on none of the hosts`;
  }
  if (Object.values(listen).every((endpoints) => endpoints.length === 0)) yield 'listen: the server listens nowhere';
  for (const range of http.trustedProxies) {
    if (parseAddressRange(range)?.prefixLength === 0) yield `http.trustedProxies: ${range} trusts what anybody says`;
  }
  if (auth.allowPlaintext && c2s.requireEncryption) {
    yield 'auth.allowPlaintext has no effect while c2s.requireEncryption is true';
  }
  if (auth.allowPlaintext && !auth.mechanisms.includes('PLAIN')) {
    yield 'auth.allowPlaintext has no effect while auth.mechanisms lacks PLAIN';
  }
  if (Number.isNaN(metrics.memoryInfoInterval)) {
    yield 'metrics.memoryInfoInterval is no number of seconds, 0 or more: 60 is used';
  }
  if (!c2s.requireEncryption) yield 'c2s.requireEncryption is false: passwords and messages may travel in the clear';
  if (registration.enabled && registration.rateLimit === null) {
    yield 'registration is open to everyone without a rate limit';
  }
}
