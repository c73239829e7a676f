// What is offered is the same on thousands of streams, and dear to make: eight mechanisms, their inline features, a hash. So
// each list is written once for all streams that are alike, until something changes on which it may depend.

import { createHash } from 'node:crypto';
import type { Config } from '../config/config.ts';
import type { Host } from '../core/host.ts';
import { inlineLogin } from '../core/inline.ts';
import { NS_SASL2 } from '../sasl/authenticate.ts';
import { usableBindings } from '../sasl/downgrade.ts';
import { offers, type StreamFeature } from '../stream/negotiation.ts';
import { AUTHENTICATED } from '../stream/stream.ts';
import { attr, type Element, el, serialize } from '../xml/element.ts';
import type { ClientConnection } from './connection.ts';
import { saslContext } from './login.ts';
import type { Offer, Offering } from './service.ts';

/** Logging in before the offer is known. XEP-0509. */
export const NS_PIPELINING = 'urn:xmpp:iap:0';

/** The offers of one host, and what they were made of. */
interface Written {
  readonly config: Config;
  readonly revision: number;
  /** By {@link likenessOf}. */
  readonly lists: Map<string, Offer>;
}

/** What is offered on the streams of clients. RFC 6120 §4.3.2. */
export class Offers implements Offering<ClientConnection> {
  readonly features: readonly StreamFeature<ClientConnection>[];
  readonly #written = new WeakMap<Host, Written>();

  /** `features` stand before those of the host. */
  constructor(features: readonly StreamFeature<ClientConnection>[]) {
    this.features = features;
  }

  /** What a stream is offered now. */
  for(connection: ClientConnection): Offer {
    const { lists } = this.#upToDate(connection.host);
    const likeness = likenessOf(connection);
    const known = lists.get(likeness);
    if (known !== undefined) return known;
    const offer = this.#write(connection);
    lists.set(likeness, offer);
    return offer;
  }

  #upToDate(host: Host): Written {
    const config = host.settings.current;
    const { revision } = host.advertisements;
    const written = this.#written.get(host);
    if (written?.config === config && written.revision === revision) return written;
    const renewed: Written = { config, revision, lists: new Map() };
    this.#written.set(host, renewed);
    return renewed;
  }

  #write(connection: ClientConnection): Offer {
    const { host, stream } = connection;
    const features = [
      ...offers(this.features, connection, stream.bits),
      ...offers(host.streamFeatures, stream, stream.bits),
    ];
    const xml = features.map(serialize).join('');
    const isPipelined = host.services.find(inlineLogin)?.pipelining === true && features.some(isInlineLogin);
    if (!isPipelined) return { xml, version: undefined };
    const version = createHash('sha256').update(xml).digest('base64').slice(0, 24);
    const named = el('config-version', { xmlns: NS_PIPELINING, scheme: 'opaque', value: version });
    return { xml: xml + serialize(named), version };
  }
}

/**
 * All that offers depend on beside the host: what has been negotiated, the transport and, until the client has logged in,
 * what mechanisms are chosen by. There are some dozens of values.
 */
function likenessOf(connection: ClientConnection): string {
  const { bits, transport } = connection.stream;
  const likeness = `${transport.kind} ${bits}`;
  if ((bits & AUTHENTICATED) !== 0) return likeness;
  const context = saslContext(connection);
  return `${likeness} ${usableBindings(context)} ${context.peerCertificate !== undefined}`;
}

function isInlineLogin(feature: Element): boolean {
  return attr(feature, 'xmlns') === NS_SASL2;
}
