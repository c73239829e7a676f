import { generateKeyPair } from 'node:crypto';
import { isIP } from 'node:net';
import { promisify } from 'node:util';
import { unguessableBytes } from '../util/ids.ts';

const DAY_MS = 86_400_000;
const RSA_BITS = 2048;

/**
 * Ten years. Nobody vouches for a self-signed certificate: people compare its fingerprint once and their clients pin
 * it, so each renewal is a warning that teaches them to click warnings away. Limits on lifetimes (398 or 825 days) hold
 * for certificates that chain to an authority, which this one never does.
 */
const VALIDITY_MS = 3653 * DAY_MS;

/** Covers clients whose clock is behind ours. */
const CLOCK_SKEW_MS = DAY_MS;

/** The upper bound of a common name, ub-common-name. RFC 5280 Appendix A.1. */
const MAX_COMMON_NAME = 64;

/** The services that a host offers under names of its own. */
const SERVICES = ['conference', 'upload', 'pubsub', 'proxy'] as const;

/** A certificate and its key, both as PEM text. */
export interface SelfSigned {
  readonly certificate: string;
  readonly key: string;
}

type AltName = { readonly type: 2; readonly value: string } | { readonly type: 7; readonly ip: string };

/**
 * Makes a self-signed certificate for a host (ASCII domain or IP address) and its services, valid from one day before
 * `now` (milliseconds since the epoch) for ten years. RFC 5280, RFC 6125.
 */
export async function makeSelfSigned(host: string, now: number): Promise<SelfSigned> {
  const { default: forge } = await import('node-forge');
  const { publicKey, privateKey } = await promisify(generateKeyPair)('rsa', {
    modulusLength: RSA_BITS,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.publicKeyFromPem(publicKey);
  certificate.serialNumber = newSerialNumber();
  certificate.validity.notBefore = new Date(now - CLOCK_SKEW_MS);
  certificate.validity.notAfter = new Date(now + VALIDITY_MS);
  const name = [{ name: 'commonName', value: host.length <= MAX_COMMON_NAME ? host : 'XMPP server' }];
  certificate.setSubject(name);
  certificate.setIssuer(name);
  certificate.setExtensions([
    { name: 'basicConstraints', cA: false, critical: true },
    { name: 'keyUsage', critical: true, digitalSignature: true, keyEncipherment: true },
    // A client too: this server shows the same certificate when it dials another one.
    { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
    { name: 'subjectAltName', altNames: altNames(host) },
    { name: 'subjectKeyIdentifier' },
  ]);
  certificate.sign(forge.pki.privateKeyFromPem(privateKey), forge.md.sha256.create());
  return { certificate: forge.pki.certificateToPem(certificate).replaceAll('\r\n', '\n'), key: privateKey };
}

/** Services are named one by one, because clients do not agree on what `*.example.org` covers. */
function altNames(host: string): AltName[] {
  if (isIP(host) !== 0) return [{ type: 7, ip: host }];
  const names: AltName[] = [host, ...SERVICES.map((service) => `${service}.${host}`)].map((value) => ({
    type: 2,
    value,
  }));
  return host === 'localhost' ? [...names, { type: 7, ip: '127.0.0.1' }, { type: 7, ip: '::1' }] : names;
}

/** Returns a random positive serial number of 16 octets without leading zeros, in hex. RFC 5280 §4.1.2.2. */
function newSerialNumber(): string {
  const bytes = unguessableBytes(16);
  bytes[0] = 0x40 | ((bytes[0] ?? 0) & 0x3f);
  return bytes.toString('hex');
}
