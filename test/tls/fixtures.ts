import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import type { TlsAcceptor } from '../../src/tls/acceptor.ts';
import type { CertificateSource } from '../../src/tls/certificate-files.ts';
import { makeSelfSigned, type SelfSigned } from '../../src/tls/self-signed.ts';

const made = new Map<string, Promise<SelfSigned>>();

/** Returns the same self-signed certificate each time, because making keys is slow. */
export function certificateFor(host: string, now = Date.now()): Promise<SelfSigned> {
  const key = `${host} ${Math.floor(now / 86_400_000)}`;
  const known = made.get(key) ?? makeSelfSigned(host, now);
  made.set(key, known);
  return known;
}

/** Makes a folder that the end of the test removes. */
export async function temporaryFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'parley-tls-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Writes a certificate and its key, as an operator's files. */
export async function writePair(folder: string, name: string, pair: SelfSigned): Promise<CertificateSource> {
  const source = { certificate: join(folder, `${name}.pem`), key: join(folder, `${name}-key.pem`) };
  await writeFile(source.certificate, pair.certificate);
  await writeFile(source.key, pair.key);
  return source;
}

/** What came of one connection. */
export type Outcome = { readonly error: Error } | { readonly socket: TLSSocket };

/** Listens on the loopback address and gives each connection to the acceptor. */
export async function listen(t: TestContext, acceptor: TlsAcceptor) {
  const outcomes: Outcome[] = [];
  const waiting: (() => void)[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((raw) => {
    sockets.add(raw);
    acceptor.accept(raw, (error, socket) => {
      socket?.on('error', () => {});
      if (socket !== undefined) outcomes.push({ socket });
      else if (error !== undefined) outcomes.push({ error });
      waiting.shift()?.();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
    acceptor.close();
  });
  return {
    port: (server.address() as AddressInfo).port,
    outcomes,
    /** Returns the outcome of the next connection. */
    async next(): Promise<Outcome> {
      if (outcomes.length === 0) await new Promise<void>((resolve) => waiting.push(resolve));
      const outcome = outcomes.shift();
      if (outcome === undefined) throw new Error('no outcome');
      return outcome;
    },
  };
}

/** Connects and completes the handshake. */
export async function dial(t: TestContext, port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options });
  t.after(() => socket.destroy());
  await once(socket, 'secureConnect');
  socket.on('error', () => {});
  return socket;
}

/** Connects without TLS; `closed` resolves when the connection has ended, cleanly or not. */
export async function dialRaw(t: TestContext, port: number): Promise<{ raw: Socket; closed: Promise<void> }> {
  const raw = connectTcp(port, '127.0.0.1');
  t.after(() => raw.destroy());
  await once(raw, 'connect');
  raw.on('error', () => {});
  return { raw, closed: new Promise((resolve) => raw.once('close', () => resolve())) };
}

/** Returns the secured socket of an outcome, or fails. */
export function secured(outcome: Outcome): TLSSocket {
  if ('error' in outcome) throw outcome.error;
  return outcome.socket;
}

/** Returns the message of a failed outcome, or fails. */
export function failure(outcome: Outcome): string {
  if ('socket' in outcome) throw new Error('the handshake succeeded');
  return outcome.error.message;
}
