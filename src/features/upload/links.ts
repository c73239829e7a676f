import { domainToASCII } from 'node:url';
import type { FeatureHost } from '../../core/feature.ts';
import { pathSegment } from './file-name.ts';

/** Where the files of a host are, for clients. */
export class Links {
  /** What all of them begin with: several hosts may share a public URL, so each has a path of its own. */
  readonly path: string;
  readonly #host: FeatureHost;
  readonly #ownName: string;
  readonly #publicUrl: string | undefined;

  /** `publicUrl`: the URL of the HTTP server for files, when it is another than for everything else. */
  constructor(host: FeatureHost, publicUrl: string | undefined) {
    this.#host = host;
    this.#ownName = domainToASCII(host.domain);
    this.#publicUrl = publicUrl?.replace(/\/$/, '');
    this.path = `/upload/${encodeURIComponent(this.#ownName)}/`;
  }

  /** The name of the host's directory on the disk. */
  get directory(): string {
    return encodeURIComponent(this.#ownName);
  }

  /** Whether there are links at all: they need TLS. XEP-0363 §4. */
  get areThere(): boolean {
    return this.#base !== undefined;
  }

  /** The URL of a slot and of the file; undefined while clients cannot reach the server over TLS. */
  of(id: string, name: string): string | undefined {
    const base = this.#base;
    return base === undefined ? undefined : `${base}${this.path}${id}/${pathSegment(name)}`;
  }

  /** Returns the identifier in a URL that a client asks for; undefined if it is none of ours. */
  idIn({ host, path }: { readonly host: string; readonly path: string }): string | undefined {
    const base = this.#base;
    const isOurs = host === this.#ownName || (base !== undefined && host === new URL(base).hostname);
    if (!isOurs || !path.startsWith(this.path)) return undefined;
    const [id, ...name] = path.slice(this.path.length).split('/');
    // Whatever the name is by now: it is there for people.
    return name.length === 1 ? id : undefined;
  }

  get #base(): string | undefined {
    return this.#publicUrl ?? this.#host.httpsUrl;
  }
}
