import type { Config } from '../config/config.ts';
import type { Clock } from '../util/clock.ts';
import type { CertificateOptions } from './certificates.ts';

/** What the configuration says of certificates. */
export function certificateOptions({ hosts, dataDir, tls }: Config, clock: Clock): CertificateOptions {
  const { certificate, key, keyPassphrase: passphrase, clientCertificates } = tls;
  const perHost = new Map<string, NonNullable<CertificateOptions['defaults']>>();
  for (const [domain, host] of Object.entries(hosts)) {
    if (host.tls !== undefined) perHost.set(domain, { ...host.tls, passphrase: host.tls.keyPassphrase });
  }
  return {
    hosts: Object.keys(hosts),
    dataDir,
    defaults: certificate === undefined || key === undefined ? undefined : { certificate, key, passphrase },
    perHost,
    minVersion: tls.minVersion,
    ciphers: tls.ciphers,
    clientCertificates: clientCertificates.enabled
      ? { authorities: clientCertificates.certificateAuthorities }
      : undefined,
    clock,
  };
}
