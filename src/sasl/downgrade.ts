import { createHash } from 'node:crypto';
import type { ChannelBindingType, SaslContext, ScramHash } from './mechanism.ts';
import { hashFunction } from './scram-keys.ts';

/**
 * The channel-binding types that are announced, best first. `tls-unique` is accepted from clients that know nothing better,
 * but announcing it would invite others to use it.
 */
const ANNOUNCED_TYPES: readonly ChannelBindingType[] = ['tls-exporter', 'tls-server-end-point'];

/**
 * The channel-binding types to announce beside these mechanisms: those that work on the stream, and none unless a
 * mechanism uses them, because clients take a mismatch for an attack. XEP-0440 §3, §4.
 */
export function announcedBindings(context: SaslContext, mechanisms: Iterable<string>): readonly ChannelBindingType[] {
  for (const name of mechanisms) if (name.endsWith('-PLUS')) return usableBindings(context);
  return [];
}

/** The types above that work on a stream. */
export function usableBindings(context: SaslContext): readonly ChannelBindingType[] {
  return ANNOUNCED_TYPES.filter((type) => canBind(context, type));
}

/** Whether a stream has data of a type. To say so for an offer must be cheap: most of what is offered is never used. */
export function canBind(context: SaslContext, type: ChannelBindingType): boolean {
  return context.hasChannelBinding?.(type) ?? context.channelBinding(type) !== undefined;
}

/**
 * The hash of what was offered, by which a client notices that somebody altered the offer: base64. XEP-0474 §4.1, whose
 * delimiters XML cannot contain.
 */
export function offerHash(hash: ScramHash, mechanisms: Iterable<string>, bindings: readonly string[]): string {
  const list = (names: Iterable<string>): string => [...names].sort().join('\x1e');
  const offer = list(mechanisms) + (bindings.length === 0 ? '' : `\x1f${list(bindings)}`);
  return createHash(hashFunction(hash).digest).update(offer).digest('base64');
}

/**
 * The optional attributes of SCRAM's server-first-message that make downgrades visible: `h` for mechanisms and channel
 * bindings (XEP-0474), `t` for the version of TLS (XEP-0515). What the client's proof signs includes them.
 */
export function downgradeAttributes(hash: ScramHash, context: SaslContext, offered: ReadonlySet<string>): string {
  const version = context.tlsVersion === undefined ? '' : `,t=${context.tlsVersion}`;
  return `,h=${offerHash(hash, offered, announcedBindings(context, offered))}${version}`;
}
