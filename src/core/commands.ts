import type { Awaitable } from '../util/awaitable.ts';

/**
 * What a command takes, by name: shown, asked and checked the same way by every rendering. On the command line a required
 * one is taken by its place and an optional one as `--name VALUE`.
 */
export interface Parameter {
  /** Lower case, words joined by hyphens. */
  readonly name: string;
  readonly doc: string;
  /**
   * `count` is a whole number from 1. `secret` is asked without echo or read from standard input, never taken from the
   * command line.
   */
  readonly kind: 'text' | 'jid' | 'count' | 'secret' | 'flag';
  readonly optional?: boolean;
  /** Of a secret, or what else is required: the flag that makes it needless. */
  readonly unless?: string;
  /**
   * Of a text: it names a file that the command reads or writes. Whoever asks has others rights and folders than the server,
   * so the file itself passes through the data directory: see admin/transfer.ts.
   */
  readonly file?: 'read' | 'written';
}

/** Answers of commands: plain JSON values. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

export type Arguments = Readonly<Record<string, string | number | boolean | undefined>>;

/** What is known of a command without running it. */
export interface CommandDescription {
  /** Its words: `user add`. */
  readonly name: string;
  /** What it does, as a line that begins with a verb: `Adds a user.` */
  readonly summary: string;
  readonly parameters: readonly Parameter[];
  /** Whether it makes sense only while the server runs; otherwise it also works on the store alone. */
  readonly needsServer?: boolean;
  /** Whether it makes sense only on the machine of the server, because it reads or writes files there. */
  readonly needsMachine?: boolean;
}

/** Tells people who wait how far a command has come. */
export type Progress = (text: string) => void;

/** Something an operator can do: defined once, rendered by the command line now and by other interfaces later. */
export interface Command<A extends Json = Json> extends CommandDescription {
  /** Returns what the operator asked for. Throws StanzaError or CommandError with a text for people. */
  run(args: Arguments, progress?: Progress): Awaitable<A>;
  /** The same answer for people, a line or a table; without it, the answer is printed as it is. */
  show?(answer: A): string;
}

/** A command cannot be carried out; the message is for the operator. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}
