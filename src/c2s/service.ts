import type { Config } from '../config/config.ts';
import type { Host, Settings } from '../core/host.ts';
import type { Logger } from '../log/log.ts';
import type { SaslMechanism } from '../sasl/mechanism.ts';
import type { LoginThrottle } from '../sasl/throttle.ts';
import type { StreamFeature } from '../stream/negotiation.ts';
import type { TlsAcceptor } from '../tls/acceptor.ts';
import type { Clock } from '../util/clock.ts';
import type { XmlLimits } from '../xml/parser.ts';
import type { C2sCounts } from './counts.ts';

/** What may wait for a client that has no session, in bytes: some hundred answers of a negotiation. */
export const MAX_UNREAD_STRANGER = 65_536;

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
  readonly counts: C2sCounts;
}

/** What a stream is offered. */
export interface Offer {
  /** The stream features, as XML. */
  readonly xml: string;
  /** Names just this list; undefined where clients may not rely on one that they saw before. XEP-0509 §4. */
  readonly version: string | undefined;
}

/** What may be negotiated on streams of type `S`. */
export interface Offering<S> {
  /** What the server itself lets clients negotiate. */
  readonly features: readonly StreamFeature<S>[];
  /** What a stream is offered now. */
  for(stream: S): Offer;
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
