import type { Feature, FeatureHost } from '../../src/core/feature.ts';
import { accountSends, CONSUMED } from '../../src/core/points.ts';

/** A feature for one test. */
export function feature(name: string, setup: (host: FeatureHost) => void | Promise<void>): Feature {
  return { name, specs: [], setup };
}

/** Only as much of presence as delivery depends on: who is available, with which priority. */
export const availability = feature('availability', (host) => {
  host.filter(accountSends, ({ stanza, account, session }) => {
    if (stanza.kind !== 'presence' || stanza.to !== undefined) return;
    if (stanza.type === 'available') host.setPresence(account, session, stanza);
    if (stanza.type === 'unavailable') host.setPresence(account, session, undefined);
    return CONSUMED;
  });
});

/** A promise that the test settles. */
export interface Gate<T = void> {
  readonly promise: Promise<T>;
  open(value: T): void;
  fail(error: unknown): void;
}

export function gate<T = void>(): Gate<T> {
  let open: Gate<T>['open'] = () => {};
  let fail: Gate<T>['fail'] = () => {};
  const promise = new Promise<T>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  return { promise, open, fail };
}

/** What a stanza error says, as a client reads it. */
export function errorXml(condition: string, type = 'cancel'): string {
  return `<error type="${type}"><${condition} xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/></error>`;
}
