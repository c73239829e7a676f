import { HTTP_METHODS, type HttpError, type HttpHandler, type HttpMethod, type HttpResponse } from './message.ts';

/** Lets scripts of other sites read the answers, without their users' credentials. Fetch Standard §3.2. */
export interface CrossOrigin {
  /** The request headers that such a script may set, beyond the harmless ones. */
  readonly headers?: readonly string[];
}

export interface RouteOptions {
  /** The only host, as clients write it in the Host header, that the route exists on; if absent, all. */
  readonly host?: string;
  /** Whether the path stands for all that begin with it; it must then end with a slash. */
  readonly prefix?: boolean;
  readonly crossOrigin?: CrossOrigin;
  /** Whether the scripts of other sites that ask whether they may use the path are told that they may not. */
  readonly refusesPreflight?: boolean;
  /** How errors are answered, also those that no handler sees, such as a method that is not allowed; by default as text. */
  readonly refuse?: Refuse;
}

/** Makes the answer of an error. */
export type Refuse = (error: HttpError) => HttpResponse;

/** What is served at a path. */
export interface Route {
  readonly path: string;
  readonly handlers: ReadonlyMap<HttpMethod, HttpHandler>;
  readonly crossOrigin: CrossOrigin | undefined;
  readonly refusesPreflight: boolean;
  readonly refuse: Refuse | undefined;
}

interface Entry extends Route {
  readonly host: string | undefined;
  readonly prefix: boolean;
  readonly handlers: Map<HttpMethod, HttpHandler>;
  crossOrigin: CrossOrigin | undefined;
  refusesPreflight: boolean;
  refuse: Refuse | undefined;
}

/** Finds the handlers of a path: an exact route before a prefix, a longer prefix before a shorter, a host's before all hosts'. */
export class Routes {
  readonly #exact = new Map<string, Entry>();
  /** The longest first. */
  #prefixes: readonly Entry[] = [];

  /** Registers a handler and returns what removes it. Throws if the method of that path has a handler already. */
  add(method: HttpMethod, path: string, handler: HttpHandler, options: RouteOptions = {}): () => void {
    const { host, prefix = false, crossOrigin, refusesPreflight = false, refuse } = options;
    if (!path.startsWith('/') || (prefix && !path.endsWith('/'))) throw new Error(`not a route's path: ${path}`);
    const entry = this.#entry(host?.toLowerCase(), path, prefix);
    if (entry.handlers.has(method)) throw new Error(`two handlers for ${method} ${path}`);
    entry.handlers.set(method, handler);
    entry.crossOrigin ??= crossOrigin;
    entry.refusesPreflight ||= refusesPreflight;
    entry.refuse ??= refuse;
    return () => {
      entry.handlers.delete(method);
      if (entry.handlers.size === 0) this.#remove(entry);
    };
  }

  /** Finds what is served at a path of a host. */
  find(host: string, path: string): Route | undefined {
    return (
      this.#exact.get(`${host} ${path}`) ??
      this.#longestPrefix(host, path) ??
      this.#exact.get(` ${path}`) ??
      this.#longestPrefix(undefined, path)
    );
  }

  #entry(host: string | undefined, path: string, prefix: boolean): Entry {
    const found = prefix
      ? this.#prefixes.find((entry) => entry.host === host && entry.path === path)
      : this.#exact.get(`${host ?? ''} ${path}`);
    if (found !== undefined) return found;
    const entry: Entry = {
      host,
      path,
      prefix,
      handlers: new Map(),
      crossOrigin: undefined,
      refusesPreflight: false,
      refuse: undefined,
    };
    if (prefix) this.#prefixes = [...this.#prefixes, entry].sort((a, b) => b.path.length - a.path.length);
    else this.#exact.set(`${host ?? ''} ${path}`, entry);
    return entry;
  }

  #longestPrefix(host: string | undefined, path: string): Entry | undefined {
    return this.#prefixes.find((entry) => entry.host === host && path.startsWith(entry.path));
  }

  #remove(entry: Entry): void {
    if (entry.prefix) this.#prefixes = this.#prefixes.filter((other) => other !== entry);
    else this.#exact.delete(`${entry.host ?? ''} ${entry.path}`);
  }
}

/** The methods that a route answers, as in the Allow header. RFC 9110 §10.2.1. */
export function allowedMethods(route: Route): string {
  const own = HTTP_METHODS.filter((method) => route.handlers.has(method));
  return [...own, ...(route.handlers.has('GET') ? ['HEAD'] : []), 'OPTIONS'].join(', ');
}
