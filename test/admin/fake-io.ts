import { PassThrough } from 'node:stream';
import type { Io } from '../../src/admin/cli.ts';
import type { Input } from '../../src/admin/terminal.ts';

/** An Io that keeps what is written; `typed` is what comes on standard input. */
export function fakeIo(typed = '', env: Io['env'] = {}): Io & { readonly out: string[]; readonly err: string[] } {
  const out: string[] = [];
  const err: string[] = [];
  const stdin = new PassThrough();
  stdin.end(typed);
  return {
    stdin,
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => err.push(text) },
    env,
    cwd: '/nowhere',
    version: '1.2.3',
    program: 'parley',
    out,
    err,
  };
}

/** A terminal whose keys a test presses. */
export class FakeTerminal extends PassThrough implements Input {
  readonly isTTY = true;
  /** Every change of the raw mode. */
  readonly modes: boolean[] = [];
  setRawMode(on: boolean): this {
    this.modes.push(on);
    return this;
  }
}
