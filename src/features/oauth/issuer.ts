import { domainToASCII } from 'node:url';
import type { FeatureHost } from '../../core/feature.ts';

type IssuerHost = Pick<FeatureHost, 'domain' | 'settings' | 'httpsUrl'>;

/** The address by which clients know the authorization server of one host. RFC 8414 §2. */
export class Issuer {
  readonly #host: IssuerHost;
  readonly #publicUrl: string | undefined;

  /** `publicUrl`: that of this host, where it has one of its own. */
  constructor(host: IssuerHost, publicUrl: string | undefined) {
    this.#host = host;
    this.#publicUrl = publicUrl?.replace(/\/$/, '');
  }

  /**
   * The https URL, without a slash at its end. Undefined where clients cannot reach the server over TLS; and for the others of
   * several hosts that share one public URL: tokens of one must not pass for those of another.
   */
  get url(): string | undefined {
    const { settings, httpsUrl } = this.#host;
    if (this.#publicUrl !== undefined) return this.#publicUrl;
    const isShared = settings.current.http.publicUrl !== undefined && Object.keys(settings.current.hosts).length > 1;
    return httpsUrl === undefined || (isShared && new URL(httpsUrl).hostname !== this.#ownName) ? undefined : httpsUrl;
  }

  /** Whether there is an https URL, or will be as soon as the server listens. */
  get isExpected(): boolean {
    const { http, listen } = this.#host.settings.current;
    return this.url !== undefined || (http.publicUrl === undefined && listen.https.length > 0);
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
}
