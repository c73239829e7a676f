import { setImmediate } from 'node:timers/promises';
import { CommandError } from '../../../src/core/commands.ts';
import type { Host } from '../../../src/core/host.ts';
import {
  type ImportOptions,
  type ImportSummary,
  type Leaving,
  portability,
} from '../../../src/features/portable/api.ts';
import { DOMAIN, type Stage } from '../../support/stage.ts';

/** Writes these users of a stage, or all, as a document. */
export async function exported(stage: Stage, ...locals: string[]): Promise<string> {
  const { host } = stage;
  async function* accounts(): AsyncIterable<Leaving> {
    if (locals.length > 0) for (const local of locals) yield { host, local };
    else for await (const { jid } of host.users.list()) yield { host, local: jid.local };
  }
  let document = '';
  for await (const piece of host.services.use(portability).write(accounts(), () => {})) document += piece;
  return document;
}

/** What a document says beside its users. */
export interface Reading extends Partial<ImportOptions> {
  /** How many bytes come at a time. */
  readonly chunk?: number;
  /** What may be included. */
  readonly files?: Readonly<Record<string, string>>;
}

/** Takes a document up into a stage. */
export function imported(stage: Stage, document: string | Buffer, reading: Reading = {}): Promise<ImportSummary> {
  const { chunk = 65_536, files = {}, ...options } = reading;
  const hosts: ReadonlyMap<string, Host> = new Map([[DOMAIN, stage.host]]);
  const include = async (href: string): Promise<AsyncIterable<Buffer>> => {
    const text = files[href];
    if (text === undefined) throw new CommandError('there is no such file');
    return pieces(Buffer.from(text), chunk);
  };
  return stage.host.services
    .use(portability)
    .read(
      { chunks: pieces(Buffer.from(document), chunk), include },
      { hosts, replacePasswords: false, keepAdmins: false, progress: () => {}, ...options },
    );
}

async function* pieces(bytes: Buffer, size: number): AsyncIterable<Buffer> {
  for (let at = 0; at < bytes.length; at += size) {
    await setImmediate();
    yield bytes.subarray(at, at + size);
  }
}

/** A document with users of the stage's host. */
export function documentOf(...users: string[]): string {
  return `<?xml version='1.0'?><server-data xmlns='urn:xmpp:pie:0'><host jid='${DOMAIN}'>${users.join('')}</host></server-data>`;
}

/** How many of what were taken, were there, and were left out, by part; parts with nothing are not listed. */
export function counts({ parts }: ImportSummary): Record<string, string> {
  const some = parts.filter(({ taken, present, skipped }) => taken + present + skipped > 0);
  return Object.fromEntries(some.map(({ name, taken, present, skipped }) => [name, `${taken}/${present}/${skipped}`]));
}
