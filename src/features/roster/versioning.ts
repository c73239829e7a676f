import type { FeatureHost } from '../../core/feature.ts';
import { AUTHENTICATED } from '../../stream/stream.ts';
import { attr, type Element, el } from '../../xml/element.ts';
import type { Roster } from './api.ts';
import { rosterElement } from './items.ts';

const ROSTER_VERSIONING = el('ver', { xmlns: 'urn:xmpp:features:rosterver' });

/** Tells clients that they need not be sent a roster which they have. RFC 6121 §2.6.1. */
export function offerVersioning(host: FeatureHost): void {
  host.negotiate({ name: 'rosterver', needs: AUTHENTICATED, excludes: 0, offer: () => ROSTER_VERSIONING });
}

/** The result of a roster get: nothing, when the client has this very version, and needs no list. RFC 6121 §2.6.3. */
export function resultOf(query: Element, roster: Roster): Element | undefined {
  return attr(query, 'ver') === roster.version ? undefined : rosterElement(roster);
}
