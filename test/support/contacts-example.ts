import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { projectFile } from './project.ts';

const PROGRAM = projectFile('examples/roster-backend/server.mjs');

/** What a form of the page sends. */
export type Fields = Readonly<Record<string, string>>;

/** The example application that owns contacts, as its users run it, with a data directory of its own. */
export class ContactsExample {
  readonly dataDir: string;
  readonly #child: ChildProcess;
  /** Without a slash at the end. */
  readonly origin: string;
  /** What it prints for the configuration of the server. */
  readonly advice: unknown;

  private constructor(dataDir: string, child: ChildProcess, origin: string, advice: unknown) {
    this.dataDir = dataDir;
    this.#child = child;
    this.origin = origin;
    this.advice = advice;
  }

  /** Starts it; the end of the test stops it. With `dataDir`, it goes on where an earlier one ended. */
  static async start(t: TestContext, environment: Fields = {}, dataDir?: string): Promise<ContactsExample> {
    const directory = dataDir ?? (await mkdtemp(join(tmpdir(), 'parley-contacts-')));
    const env = { PATH: process.env['PATH'], HOST: '127.0.0.1', PORT: '0', DATA_DIR: directory, ...environment };
    const child = spawn(process.execPath, [PROGRAM], { env, stdio: ['ignore', 'pipe', 'ignore'] });
    t.after(async () => {
      await stop(child);
      if (dataDir === undefined) await rm(directory, { recursive: true, force: true });
    });
    const lines: string[] = [];
    for await (const line of createInterface(child.stdout)) {
      lines.push(line);
      // The last line of what it prints once it listens.
      if (line === '}') break;
    }
    const [first = '', , ...advice] = lines;
    const origin = /http:\/\/[^/]+/.exec(first)?.[0] ?? assert.fail(`the example did not start: ${lines.join('\n')}`);
    return new ContactsExample(directory, child, origin, JSON.parse(advice.join('\n')));
  }

  /** The option `url` for it. */
  get url(): string {
    return `${this.origin}/contacts/%s`;
  }

  /** What it signs its calls with. */
  secret(): Promise<string> {
    return readFile(join(this.dataDir, 'refresh-secret'), 'utf8');
  }

  /** Sends a form as a browser does, and returns the answer without following it. */
  submit(edit: string, fields: Fields, headers: Fields = { origin: this.origin }): Promise<Response> {
    const body = new URLSearchParams(fields);
    return fetch(`${this.origin}/edit/${edit}`, { method: 'POST', body, headers, redirect: 'manual' });
  }

  /** Makes an edit that must succeed. */
  async edit(edit: string, fields: Fields): Promise<void> {
    const answer = await this.submit(edit, fields);
    assert.equal(answer.status, 303, await answer.text());
  }

  get(path: string, headers: Fields = {}): Promise<Response> {
    return fetch(`${this.origin}${path}`, { headers });
  }

  stop(): Promise<void> {
    return stop(this.#child);
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}
