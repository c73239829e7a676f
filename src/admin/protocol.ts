import { join } from 'node:path';
import type { Arguments, CommandDescription } from '../core/commands.ts';
import type { Outcome } from '../core/execute.ts';

/*
 * The language of the control socket: JSON objects, each on a line. The server begins with a Greeting; each Request is
 * answered by one Reply with its id, in the order of the requests; Notices may come before it.
 */

/** The first line of the server. */
export interface Greeting {
  readonly version: string;
  readonly pid: number;
  /** Every command that this server has. */
  readonly commands: readonly CommandDescription[];
}

export interface Request {
  readonly id: number;
  readonly command: string;
  readonly args: Arguments;
}

export type Reply = Outcome & { readonly id: number };

/** How far a request has come; there may be any number of these before its Reply. */
export interface Notice {
  readonly id: number;
  readonly progress: string;
}

/** The longest request, in bytes. */
export const MAX_REQUEST_BYTES = 65_536;
/** The longest line that the server says, in bytes: a list of sessions is a few megabytes. */
export const MAX_REPLY_BYTES = 67_108_864;

/** The longest path of a socket: `sun_path` of unix(7) without its end mark; systems other than Linux have four bytes less. */
const MAX_PATH_BYTES = process.platform === 'linux' ? 107 : 103;

/** Where a server with this data directory is controlled. */
export function controlPath(dataDir: string): string {
  return join(dataDir, 'control.sock');
}

/** Says why a path cannot be that of a socket; undefined when it can. */
export function unusablePath(path: string): string | undefined {
  const bytes = Buffer.byteLength(path);
  if (bytes <= MAX_PATH_BYTES) return undefined;
  return `the path ${path} has ${bytes} bytes, and a socket's may have ${MAX_PATH_BYTES}: choose a data directory with a shorter path to control the server while it runs`;
}

/** Returns a request that a client sent; undefined when it is none. */
export function parseRequest(line: string): Request | undefined {
  const value = parseLine(line);
  const { id, command, args } = { id: undefined, command: undefined, args: undefined, ...value };
  if (typeof id !== 'number' || typeof command !== 'string') return undefined;
  return isArguments(args) ? { id, command, args } : undefined;
}

function isArguments(value: unknown): value is Arguments {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.values(value).every((argument) => ['string', 'number', 'boolean'].includes(typeof argument));
}

function parseLine(line: string): object | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
