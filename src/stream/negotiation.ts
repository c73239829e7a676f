import type { Awaitable } from '../util/awaitable.ts';
import { attr, type Element } from '../xml/element.ts';

/**
 * Something that a peer may negotiate on a stream of type `S`. The order of STARTTLS, SASL and binding falls out of the
 * bits; nobody writes the sequence down. RFC 6120 §4.3.
 */
export interface StreamFeature<S> {
  readonly name: string;
  /** Offered and accepted only while all of these bits are set … */
  readonly needs: number;
  /** … and none of these. */
  readonly excludes: number;
  /** What to list in `<stream:features/>`, or undefined to list nothing on this stream. */
  offer?(stream: S): Element | readonly Element[] | undefined;
  /** The nonzas that negotiate it: top-level elements of this namespace. */
  readonly accepts?: string;
  /** The payload of an iq that negotiates it, for those that use one: binding, in-band registration. */
  readonly acceptsIq?: { readonly ns: string; readonly name: string };
  accept?(stream: S, element: Element): Awaitable<void>;
}

/** Whether a feature may be negotiated on a stream with these bits. */
export function isAvailable(feature: StreamFeature<never>, bits: number): boolean {
  return (bits & feature.needs) === feature.needs && (bits & feature.excludes) === 0;
}

/** What a stream with these bits offers, in the order of the list. */
export function offers<S>(features: readonly StreamFeature<S>[], stream: S, bits: number): Element[] {
  return features.filter((f) => isAvailable(f, bits)).flatMap((f) => f.offer?.(stream) ?? []);
}

/** The feature that a nonza negotiates, if it is available now: what was not offered is refused. */
export function acceptor<S>(
  features: readonly StreamFeature<S>[],
  bits: number,
  element: Element,
): StreamFeature<S> | undefined {
  const ns = attr(element, 'xmlns');
  if (ns === undefined) return undefined;
  return features.find((feature) => feature.accepts === ns && isAvailable(feature, bits));
}

/** The feature that an iq with this payload negotiates, if it is available now. */
export function iqAcceptor<S>(
  features: readonly StreamFeature<S>[],
  bits: number,
  payload: Element,
): StreamFeature<S> | undefined {
  const ns = attr(payload, 'xmlns');
  return features.find((f) => f.acceptsIq?.ns === ns && f.acceptsIq?.name === payload.name && isAvailable(f, bits));
}
