import type { Config } from '../config/config.ts';
import type { Host, Settings } from '../core/host.ts';
import type { Logger } from '../log/log.ts';
import type { SaslMechanism } from '../sasl/mechanism.ts';
import type { LoginThrottle } from '../sasl/throttle.ts';
import type { TlsAcceptor } from '../tls/acceptor.ts';
import type { Clock } from '../util/clock.ts';
import type { XmlLimits } from '../xml/parser.ts';

/** What all client connections of the server share. */
export interface C2sService {
  readonly hosts: ReadonlyMap<string, Host>;
  readonly settings: Settings;
  readonly clock: Clock;
  readonly log: Logger;
  readonly throttle: LoginThrottle;
  /** The configured mechanisms, in order of preference. */
  readonly mechanisms: () => readonly SaslMechanism[];
  /** Secures streams that ask for STARTTLS. */
  readonly startTls: TlsAcceptor;
}

/** The limits of the parser before and after login. */
export function xmlLimits({ stanza }: Config['limits'], isAuthenticated: boolean): XmlLimits {
  return {
    maxBytes: isAuthenticated ? stanza.bytes : stanza.bytesBeforeAuth,
    maxDepth: stanza.depth,
    maxAttributes: stanza.attributes,
    maxChildren: stanza.children,
  };
}
