import { constants, type X509Certificate } from 'node:crypto';
import { access } from 'node:fs/promises';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { domainToASCII } from 'node:url';
import type { Clock } from '../util/clock.ts';
import { type AcceptorOptions, ServerAcceptor, type TlsAcceptor } from './acceptor.ts';
import {
  CertificateError,
  type CertificateSource,
  type CertifiedKey,
  describeFileError,
  readAuthorities,
  readCertifiedKey,
  writePrivately,
} from './certificate-files.ts';
import { makeSelfSigned } from './self-signed.ts';

const DAY_MS = 86_400_000;

/** How long before its end an operator is warned of an expiring certificate, and a self-signed one is made anew. */
const EXPIRY_WARNING_MS = 14 * DAY_MS;

/** Stricter than a URL's host, because it becomes a file name. */
const ASCII_DOMAIN = /^[a-z0-9_-]+(\.[a-z0-9_-]+)*$/;

/** What the certificates are made of. Host names are domains, in Unicode or ASCII form. */
export interface CertificateOptions {
  /** Every virtual host; the first one answers clients that name none or an unknown one. */
  readonly hosts: readonly string[];
  /** Self-signed certificates are kept in its subfolder `tls`. */
  readonly dataDir: string;
  /** The certificate of all hosts without one of their own; if absent, each gets a self-signed one. */
  readonly defaults?: CertificateSource | undefined;
  readonly perHost?: ReadonlyMap<string, CertificateSource> | undefined;
  readonly minVersion?: 'TLSv1.2' | 'TLSv1.3' | undefined;
  /** An OpenSSL cipher list; if absent, Node's. */
  readonly ciphers?: string | undefined;
  /** Paths of PEM files of the authorities that client certificates are checked against; if absent, the public ones. */
  readonly clientCertificates?: { readonly authorities: readonly string[] } | undefined;
  readonly clock: Clock;
}

/** A host's certificate, for people. */
export interface CertificateDescription {
  readonly host: string;
  readonly subject: string;
  readonly issuer: string;
  readonly notAfter: Date;
  readonly selfSigned: boolean;
  /** SHA-256 of the certificate, as pairs of hex digits with colons. */
  readonly fingerprint256: string;
  /** The path it was read from. */
  readonly source: string;
  /** What will trouble clients: expiry, near or past, and a name that the certificate does not cover. */
  readonly warnings: readonly string[];
}

interface HostCertificate {
  readonly certified: CertifiedKey;
  readonly options: SecureContextOptions;
  readonly context: SecureContext;
}

/** The certificates of all hosts, and the acceptors that show them. */
export class Certificates {
  readonly #clock: Clock;
  readonly #acceptors = new Set<ServerAcceptor>();
  #byHost: ReadonlyMap<string, HostCertificate>;
  #default: HostCertificate;

  private constructor(clock: Clock, byHost: ReadonlyMap<string, HostCertificate>) {
    this.#clock = clock;
    this.#byHost = byHost;
    this.#default = firstOf(byHost);
  }

  /**
   * Reads or makes the certificate of each host. An expired certificate is taken, with a warning: it is better than no
   * server. Throws `CertificateError`.
   */
  static async open(options: CertificateOptions): Promise<Certificates> {
    return new Certificates(options.clock, await load(options));
  }

  /**
   * Reads everything anew and uses it for the connections to come; returns the hosts whose certificate is another one
   * now. Throws `CertificateError` and changes nothing if a file is bad or a new certificate is out of date.
   */
  async reload(options: CertificateOptions): Promise<{ readonly changed: string[] }> {
    const byHost = await load(options);
    const changed = [...byHost].filter(([host, { certified }]) => {
      return this.#byHost.get(host)?.certified.leaf.fingerprint256 !== certified.leaf.fingerprint256;
    });
    for (const [, { certified }] of changed) requireValidity(certified, this.#clock.now());
    const before = this.#default.options;
    this.#byHost = byHost;
    this.#default = firstOf(byHost);
    // A session carries the verdict on its client's certificate, which other authorities might not share.
    const keepsSessions = String(before.ca) === String(this.#default.options.ca);
    for (const acceptor of this.#acceptors) acceptor.replaceContext(this.#default.options, keepsSessions);
    return { changed: changed.map(([host]) => host) };
  }

  /** The SHA-256 fingerprint of a host's certificate, as pairs of hex digits with colons. */
  fingerprint(host: string): string {
    return (this.#byHost.get(asciiHost(host)) ?? this.#default).certified.leaf.fingerprint256;
  }

  /** Describes each host's certificate, as of now. */
  describe(): readonly CertificateDescription[] {
    const now = this.#clock.now();
    return Array.from(this.#byHost, ([host, { certified }]) => describe(host, certified, now));
  }

  /** Makes an acceptor, which follows reloads until it is closed. */
  acceptor(options: AcceptorOptions): TlsAcceptor {
    const acceptor = new ServerAcceptor(
      {
        clock: this.#clock,
        selectContext: (name, done) => done(null, this.#select(name).context),
        defaultContext: this.#default.options,
        onClose: (closed) => this.#acceptors.delete(closed),
      },
      options,
    );
    this.#acceptors.add(acceptor);
    return acceptor;
  }

  /** A host's services show its certificate: `conference.example.org` that of `example.org`. */
  #select(name: string): HostCertificate {
    let domain = name.toLowerCase();
    for (;;) {
      const found = this.#byHost.get(domain);
      if (found !== undefined) return found;
      const dot = domain.indexOf('.');
      if (dot < 0) return this.#default;
      domain = domain.slice(dot + 1);
    }
  }
}

async function load(options: CertificateOptions): Promise<ReadonlyMap<string, HostCertificate>> {
  const authorities = options.clientCertificates && (await readAuthorities(options.clientCertificates.authorities));
  const perHost = new Map(Array.from(options.perHost ?? [], ([host, source]) => [asciiHost(host), source]));
  const byHost = new Map<string, HostCertificate>();
  for (const name of options.hosts) {
    const host = asciiHost(name);
    const source = perHost.get(host) ?? options.defaults;
    const certified = source === undefined ? await selfSigned(host, options) : await readCertifiedKey(source);
    const contextOptions = secureContextOptions(certified, options, authorities);
    byHost.set(host, { certified, options: contextOptions, context: makeContext(certified, contextOptions) });
  }
  return byHost;
}

function secureContextOptions(
  certified: CertifiedKey,
  options: CertificateOptions,
  authorities: string[] | undefined,
): SecureContextOptions {
  return {
    cert: certified.chain,
    key: certified.key,
    minVersion: options.minVersion ?? 'TLSv1.2',
    secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
    ...(options.ciphers === undefined ? {} : { ciphers: options.ciphers }),
    ...(authorities === undefined ? {} : { ca: authorities }),
  };
}

function makeContext(certified: CertifiedKey, options: SecureContextOptions): SecureContext {
  try {
    return createSecureContext(options);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new CertificateError(`${certified.source} cannot be used for TLS: ${reason}`, { cause: error });
  }
}

/** Reads a host's self-signed certificate, or makes it on the first start and when it is about to expire. */
async function selfSigned(host: string, options: CertificateOptions): Promise<CertifiedKey> {
  const base = join(options.dataDir, 'tls', host);
  const source: CertificateSource = { certificate: `${base}.crt`, key: `${base}.key` };
  if (await exists(source.certificate)) {
    const found = await readCertifiedKey(source).catch((error: unknown) => {
      const reason = error instanceof Error ? error.message : String(error);
      throw new CertificateError(`${reason}; remove ${base}.crt and ${base}.key to have new ones made`, {
        cause: error,
      });
    });
    if (notAfter(found.leaf) - options.clock.now() >= EXPIRY_WARNING_MS) return found;
  }
  const made = await makeSelfSigned(host, options.clock.now());
  try {
    await writePrivately(`${base}.key`, made.key);
    // Last, because its presence says that the pair is complete.
    await writePrivately(`${base}.crt`, made.certificate);
  } catch (error) {
    throw new CertificateError(`cannot write ${base}.crt: ${describeFileError(error)}`, { cause: error });
  }
  return readCertifiedKey(source);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function describe(host: string, { leaf, source }: CertifiedKey, now: number): CertificateDescription {
  const warnings = [validityWarning(leaf, now)].filter((warning) => warning !== undefined);
  const names = isIP(host) === 0 ? leaf.checkHost(host) : leaf.checkIP(host);
  if (names === undefined) warnings.push(`does not name ${host}`);
  return {
    host,
    subject: oneLine(leaf.subject),
    issuer: oneLine(leaf.issuer),
    notAfter: new Date(notAfter(leaf)),
    selfSigned: leaf.subject === leaf.issuer && leaf.verify(leaf.publicKey),
    fingerprint256: leaf.fingerprint256,
    source,
    warnings,
  };
}

function validityWarning(leaf: X509Certificate, now: number): string | undefined {
  const left = notAfter(leaf) - now;
  if (left <= 0) return `expired on ${leaf.validTo}`;
  if (Date.parse(leaf.validFrom) > now) return `is not valid before ${leaf.validFrom}`;
  if (left >= EXPIRY_WARNING_MS) return undefined;
  const days = Math.floor(left / DAY_MS);
  return `expires ${days === 0 ? 'today' : days === 1 ? 'in 1 day' : `in ${days} days`}, on ${leaf.validTo}`;
}

function requireValidity({ leaf, source }: CertifiedKey, now: number): void {
  if (notAfter(leaf) <= now || Date.parse(leaf.validFrom) > now) {
    throw new CertificateError(`${source}: the certificate ${validityWarning(leaf, now)}`);
  }
}

function notAfter(leaf: X509Certificate): number {
  return Date.parse(leaf.validTo);
}

function oneLine(name: string): string {
  return name.replaceAll('\n', ', ');
}

/** Returns the form of a host's name that certificates, SNI and file names use. RFC 5890 §2.3.2.1. */
function asciiHost(host: string): string {
  if (isIP(host) !== 0) return host;
  const ascii = domainToASCII(host);
  if (!ASCII_DOMAIN.test(ascii)) throw new CertificateError(`${host} is not a domain name`);
  return ascii;
}

function firstOf(byHost: ReadonlyMap<string, HostCertificate>): HostCertificate {
  for (const first of byHost.values()) return first;
  throw new CertificateError('there is no host to have a certificate for');
}
