declare module '@xmpp/client' {
  import type { EventEmitter } from 'node:events';
  import type { Element } from '@xmpp/xml';

  interface Credentials {
    username: string;
    password: string;
    token?: Token;
  }

  interface Token {
    mechanism: string;
    token: string;
    expiry: string;
  }

  /** Where the library keeps its token, in memory unless it is replaced. */
  interface Fast {
    fetchToken(): Promise<Token | null | undefined>;
  }

  interface Options {
    service: string;
    domain: string;
    resource?: string;
    credentials?: (
      authenticate: (credentials: Credentials, mechanism: string, userAgent?: Element) => Promise<void>,
      mechanisms: readonly string[],
      fast: Fast | null,
    ) => Promise<void>;
    timeout?: number;
  }

  interface Address {
    toString(): string;
  }

  interface Client extends EventEmitter {
    readonly jid: Address;
    readonly status: string;
    readonly reconnect: { delay: number; stop(): void };
    readonly iqCaller: {
      request(stanza: Element, timeoutMs?: number): Promise<Element>;
    };
    start(): Promise<Address>;
    stop(): Promise<unknown>;
    send(stanza: Element): Promise<void>;
  }

  function client(options: Options): Client;
  function xml(name: string, attrs?: Record<string, string | undefined>, ...children: (Element | string)[]): Element;
}
