import type { Server } from 'node:net';
import { normalizeAddress } from './address.ts';

/** Where to listen; port 0 is any free one. */
export interface Endpoint {
  readonly address: string;
  readonly port: number;
}

/** Where a server listens. */
export interface Listening extends Endpoint {
  /** What the operator should know, such as that there is no IPv6. */
  readonly warning?: string;
}

/** A server cannot listen; the message says where, why and what to do, in one line. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
}

/** After a restart all clients come back at once; the system bounds this further. */
const BACKLOG = 4096;

const NO_IPV6 = new Set(['EAFNOSUPPORT', 'EADDRNOTAVAIL']);

/**
 * Makes a server listen and returns where it does. Where `::`, every address, is impossible because the machine has no
 * IPv6, every IPv4 address is listened on instead, with a warning. Throws `ListenError`.
 */
export async function listen(server: Server, endpoint: Endpoint): Promise<Listening> {
  try {
    return await attempt(server, endpoint);
  } catch (error) {
    if (endpoint.address !== '::' || !NO_IPV6.has(codeOf(error))) throw readable(endpoint, error);
  }
  const everyIPv4 = { address: '0.0.0.0', port: endpoint.port };
  try {
    const listening = await attempt(server, everyIPv4);
    return { ...listening, warning: `IPv6 is not available: listening on 0.0.0.0 instead of ::` };
  } catch (error) {
    throw readable(everyIPv4, error);
  }
}

/** Writes an endpoint as in a URL. RFC 3986 §3.2.2. */
export function formatEndpoint({ address, port }: Endpoint): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function attempt(server: Server, { address, port }: Endpoint): Promise<Endpoint> {
  return new Promise((resolve, reject) => {
    const settle = (act: () => void): void => {
      server.off('error', failed);
      server.off('listening', listening);
      act();
    };
    const failed = (error: Error): void => settle(() => reject(error));
    const listening = (): void =>
      settle(() => {
        const bound = server.address();
        if (bound === null || typeof bound === 'string') reject(new Error('the server listens on no port'));
        else resolve({ address: normalizeAddress(bound.address), port: bound.port });
      });
    server.on('error', failed);
    server.on('listening', listening);
    server.listen({ host: address, port, backlog: BACKLOG });
  });
}

function readable(endpoint: Endpoint, error: unknown): ListenError {
  const where = formatEndpoint(endpoint);
  return new ListenError(`cannot listen on ${where}: ${reasonOf(endpoint, error)}`, { cause: error });
}

function reasonOf({ address, port }: Endpoint, error: unknown): string {
  switch (codeOf(error)) {
    case 'EADDRINUSE':
      return 'the port is in use; stop the program that uses it or choose another port';
    case 'EACCES':
      return port < 1024
        ? 'ports below 1024 need a permission of their own; choose a higher port'
        : 'permission denied';
    case 'EADDRNOTAVAIL':
      return `this machine has no address ${address}`;
    case 'EAFNOSUPPORT':
      return 'this machine has no IPv6';
    default:
      return error instanceof Error ? error.message : String(error);
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}
