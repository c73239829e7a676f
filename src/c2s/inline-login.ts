import { createHash } from 'node:crypto';
import type { FastLogin } from '../core/fast.ts';
import { failure, Sasl2, type Sasl2Options } from '../sasl/sasl2.ts';
import { LruCache } from '../util/lru.ts';
import { attr, child, type Element, el, serialize } from '../xml/element.ts';

const NS_PIPELINING = 'urn:xmpp:iap:0';

/** The login in one step on one stream: its SASL, and the version of the offer that a client may have relied on. */
export class InlineLogin {
  readonly sasl: Sasl2<FastLogin>;
  readonly #hasVersion: boolean;
  #version: string | undefined;

  constructor(options: Sasl2Options<FastLogin> & { readonly pipelining: boolean }) {
    this.sasl = new Sasl2(options);
    this.#hasVersion = options.pipelining;
  }

  /** Whether nothing may arrive now but messages of the exchange. */
  get isBusy(): boolean {
    return this.sasl.isBusy;
  }

  /** Adds to a list of stream features, as XML, what names just this list. XEP-0509 §4. */
  withVersion(features: string): string {
    if (!this.#hasVersion || this.sasl.offered.size === 0) return features;
    this.#version = versionOf(features);
    return features + serialize(el('config-version', { xmlns: NS_PIPELINING, scheme: 'opaque', value: this.#version }));
  }

  /**
   * What to answer to a client that logs in on the strength of an offer that is not made any more. It counts as no failure.
   * XEP-0509 §5.
   */
  refusal(authenticate: Element): Element | undefined {
    const known = child(authenticate, 'config-version', NS_PIPELINING);
    if (known === undefined || attr(known, 'value') === this.#version || !this.#hasVersion) return undefined;
    const text = 'What is offered has changed.';
    return failure({ condition: 'aborted', text }, el('config-version-mismatch', { xmlns: NS_PIPELINING }));
  }
}

// There are few lists: they differ by host, encryption and configuration.
const versions = new LruCache<string, string>(64);

function versionOf(features: string): string {
  const known = versions.get(features);
  const version = known ?? createHash('sha256').update(features).digest('base64').slice(0, 24);
  if (known === undefined) versions.set(features, version);
  return version;
}
