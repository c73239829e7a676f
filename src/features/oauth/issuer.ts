import { domainToASCII } from 'node:url';
import { type Config, featuresOf } from '../../config/config.ts';
import type { FeatureHost } from '../../core/feature.ts';
import { httpsUrlOf } from '../../http/public-url.ts';

type IssuerHost = Pick<FeatureHost, 'domain' | 'settings' | 'httpsUrl'>;

/** The address by which clients know the authorization server of one host. RFC 8414 §2. */
export class Issuer {
  readonly #host: IssuerHost;
  readonly #publicUrl: string | undefined;

  /** `publicUrl`: that of this host, where it has one of its own. */
  constructor(host: IssuerHost, publicUrl: string | undefined) {
    this.#host = host;
    this.#publicUrl = publicUrl && httpsUrlOf(host.domain, { publicUrl, httpsPort: undefined });
  }

  /**
   * The https URL, without a slash at its end. Undefined where clients cannot reach the server over TLS; and where several hosts
   * would have the same, for all but the one of that name: tokens of one must not pass for those of another.
   */
  get url(): string | undefined {
    const url = this.#publicUrl ?? this.#host.httpsUrl;
    return url === undefined || this.#belongsToOthers(new URL(url).hostname) ? undefined : url;
  }

  /** Whether there is such a URL, or will be as soon as the server listens. */
  get isExpected(): boolean {
    const { http, listen } = this.#host.settings.current;
    const isListening = http.publicUrl === undefined && this.#publicUrl === undefined && listen.https.length > 0;
    return this.url !== undefined || isListening;
  }

  /** The names under which requests come. */
  get names(): readonly string[] {
    const { url } = this;
    return [...new Set([this.#ownName, ...(url === undefined ? [] : [new URL(url).hostname])])];
  }

  /** The path of the URL, without a slash at its end: behind a proxy there may be one. */
  get path(): string {
    return this.url === undefined ? '' : new URL(this.url).pathname.replace(/\/$/, '');
  }

  get #ownName(): string {
    return domainToASCII(this.#host.domain);
  }

  #belongsToOthers(name: string): boolean {
    if (name === this.#ownName) return false;
    const config = this.#host.settings.current;
    const others = Object.keys(config.hosts).filter((domain) => domain !== this.#host.domain);
    return others.some((domain) => domainToASCII(domain) === name || publicName(config, domain) === name);
  }
}

/** The name in the public URL that a host is given; undefined where it has none, or no OAuth. */
function publicName(config: Config, domain: string): string | undefined {
  const { oauth = false } = featuresOf(config, domain);
  if (oauth === false) return undefined;
  const { publicUrl = config.http.publicUrl } = Object(oauth);
  return typeof publicUrl === 'string' ? new URL(publicUrl).hostname : undefined;
}
