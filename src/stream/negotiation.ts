import type { Awaitable } from '../util/awaitable.ts';
import { attr, type Element } from '../xml/element.ts';

/**
 * Something that a peer may negotiate on a stream of type `S`. The order of STARTTLS, SASL and binding falls out of the
 * bits; nobody writes the sequence down. RFC 6120 §4.3. What it offers depends on nothing of the stream but what `O` shows,
 * because what was offered on one stream is offered on others that are alike.
 */
export interface StreamFeature<S, O = S> {
  readonly name: string;
  /** Offered and accepted only while all of these bits are set … */
  readonly needs: number;
  /** … and none of these. */
  readonly excludes: number;
  /** What to list in `<stream:features/>`, or undefined to list nothing on such a stream. */
  offer?(stream: O): Element | readonly Element[] | undefined;
  /** The nonzas that negotiate it: top-level elements of this namespace. */
  readonly accepts?: string;
  /** The payload of an iq that negotiates it, for those that use one: binding, in-band registration. */
  readonly acceptsIq?: { readonly ns: string; readonly name: string };
  accept?(stream: S, element: Element): Awaitable<void>;
}

/** What the features of a host may make their offers depend on, beside the configuration and what is advertised. */
export interface StreamKind {
  /** What has been negotiated. */
  readonly bits: number;
}

/** Whether a feature may be negotiated on a stream with these bits. */
export function isAvailable(feature: StreamFeature<never, never>, bits: number): boolean {
  return (bits & feature.needs) === feature.needs && (bits & feature.excludes) === 0;
}

/** What a stream with these bits offers, in the order of the list. */
export function offers<O>(features: readonly StreamFeature<never, O>[], stream: O, bits: number): Element[] {
  return features.filter((f) => isAvailable(f, bits)).flatMap((f) => f.offer?.(stream) ?? []);
}

/** The feature that a nonza negotiates, if it is available now: what was not offered is refused. */
export function acceptor<S>(
  features: readonly StreamFeature<S, never>[],
  bits: number,
  element: Element,
): StreamFeature<S, never> | undefined {
  const ns = attr(element, 'xmlns');
  if (ns === undefined) return undefined;
  return features.find((feature) => feature.accepts === ns && isAvailable(feature, bits));
}

/** The feature that an iq with this payload negotiates, if it is available now. */
export function iqAcceptor<S>(
  features: readonly StreamFeature<S, never>[],
  bits: number,
  payload: Element,
): StreamFeature<S, never> | undefined {
  const ns = attr(payload, 'xmlns');
  return features.find((f) => f.acceptsIq?.ns === ns && f.acceptsIq?.name === payload.name && isAvailable(f, bits));
}
