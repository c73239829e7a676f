import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { type IncomingHttpHeaders, request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { disco } from '../../../src/features/disco/index.ts';
import { ownFiles } from '../../../src/features/upload/api.ts';
import { type Disk, systemDisk } from '../../../src/features/upload/file-area.ts';
import { uploadOn } from '../../../src/features/upload/index.ts';
import { HttpServer } from '../../../src/http/server.ts';
import { listen } from '../../../src/net/listen.ts';
import { attr, child, type Element, serialize } from '../../../src/xml/element.ts';
import { settle } from '../../support/manual-clock.ts';
import { DOMAIN, Stage, type StageOptions } from '../../support/stage.ts';
import type { StageClient } from '../../support/stage-client.ts';

export const SERVICE = `upload.${DOMAIN}`;
export const NS = 'urn:xmpp:http:upload:0';
export const NS_PURPOSE = 'urn:xmpp:http:upload:purpose:0';

/** An answer over HTTP. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface SceneOptions extends Partial<StageOptions> {
  /** The options of the feature. */
  readonly upload?: Readonly<Record<string, unknown>>;
  readonly disk?: Partial<Disk>;
  /** That of an earlier scene, to play a restart. */
  readonly dataDir?: string;
}

/** A stage with uploads, and the HTTP server for them on a real socket. */
export async function open(t: TestContext, options: SceneOptions = {}) {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), 'parley-upload-')));
  if (options.dataDir === undefined) t.after(() => rm(dataDir, { recursive: true, force: true }));
  const { features = [disco], upload = {}, disk = {}, ...rest } = options;
  const stage = await Stage.open(t, {
    ...rest,
    features: [...features, uploadOn({ ...systemDisk, ...disk })],
    config: {
      dataDir,
      // Clients that wait for days are not silent but patient.
      limits: {
        timeouts: { silenceMs: 2_000_000_000 },
        traffic: { stanzas: null, bytes: null },
        connections: { unauthenticatedPerAddress: null, attemptsPerAddress: null },
      },
      ...options.config,
      features: { upload: { keepFreeBytes: 0, ...upload }, ...(options.config?.['features'] as object | undefined) },
    },
  });
  const server = new HttpServer({ routes: stage.routes, log: stage.log, clock: stage.clock });
  const listener = createServer((socket) => server.accept(socket, false));
  const { port } = await listen(listener, { address: '127.0.0.1', port: 0 });
  t.after(async () => {
    listener.close();
    const closing = server.close(0);
    await stage.clock.advance(0);
    await closing;
  });

  const http = (method: string, url: string, more: { headers?: Record<string, string>; body?: string } = {}) =>
    ask(port, method, url, more);
  return {
    stage,
    dataDir,
    port,
    http,
    files: stage.host.services.use(ownFiles),
    /** The files on the disk, by their paths below the host's directory. */
    onDisk: async (): Promise<string[]> => {
      const all = await readdir(join(dataDir, 'uploads', DOMAIN), { recursive: true, withFileTypes: true }).catch(
        () => [],
      );
      const paths = all.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
      return paths.map((path) => path.slice(join(dataDir, 'uploads', DOMAIN).length + 1)).sort();
    },
    /** Asks for a slot and uploads a text; returns the URL to read it from. */
    upload: async (client: StageClient, body: string, attributes: Record<string, string> = {}, inner = '') => {
      const { put, get } = await slot(client, { size: String(body.length), ...attributes }, inner);
      const { status, body: reason } = await http('PUT', put, { body });
      assert.equal(status, 201, reason);
      return get;
    },
  };
}

export type Scene = Awaited<ReturnType<typeof open>>;

/** The markup of a request for a slot. */
export function slotRequest(attributes: Readonly<Record<string, string>>, inner = ''): string {
  const all = { filename: 'a.txt', size: '5', ...attributes };
  const written = Object.entries(all).map(([name, value]) => ` ${name}="${value}"`);
  return `<request xmlns="${NS}"${written.join('')}>${inner}</request>`;
}

/** Asks for a slot and returns its URLs. */
export async function slot(client: StageClient, attributes: Readonly<Record<string, string>> = {}, inner = '') {
  const answer = await client.get(slotRequest(attributes, inner), SERVICE);
  const urlOf = (name: string): string => {
    const element: Element | undefined = answer && child(answer, name);
    return (element && attr(element, 'url')) ?? assert.fail(answer && serialize(answer));
  };
  return { put: urlOf('put'), get: urlOf('get') };
}

/** The identifier in a URL. */
export function idOf(url: string): string {
  return /\/([0-9a-f]{32})\//.exec(url)?.[1] ?? assert.fail(url);
}

/** Lets what goes over real sockets and disks happen, until something is so. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const patience = performance.now() + 5000;
  while (!(await isSo())) {
    assert.ok(performance.now() < patience, `waited in vain until ${what}`);
    await settle();
  }
}

function ask(port: number, method: string, url: string, more: { headers?: Record<string, string>; body?: string }) {
  const { host, pathname, search } = new URL(url);
  return new Promise<Answer>((resolve, reject) => {
    const headers = {
      host,
      ...(more.body === undefined ? {} : { 'content-length': more.body.length }),
      ...more.headers,
    };
    const asking = request({ host: '127.0.0.1', port, method, path: pathname + search, headers, agent: false });
    asking.on('error', reject).on('response', (response) => {
      let body = '';
      response.setEncoding('latin1');
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
      response.on('error', reject);
    });
    asking.end(more.body);
  });
}
