import type { Awaitable } from '../util/awaitable.ts';

/** What a command takes, by name: shown, asked and checked the same way by every rendering. */
export interface Parameter {
  readonly name: string;
  readonly doc: string;
  /** `secret` is asked without echo or read from standard input, never taken from the command line. */
  readonly kind: 'text' | 'jid' | 'secret' | 'flag';
  readonly optional?: boolean;
}

/** Answers of commands: plain JSON values. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

export type Arguments = Readonly<Record<string, string | boolean | undefined>>;

/** Something an operator can do: defined once, rendered by the command line now and by other interfaces later. */
export interface Command {
  /** Its words: `user add`. */
  readonly name: string;
  readonly summary: string;
  readonly parameters: readonly Parameter[];
  /** Returns what the operator asked for. @throws StanzaError or CommandError with a text for people. */
  run(args: Arguments): Awaitable<Json>;
  /** The same answer for people, a line or a table; without it, the answer is printed as it is. */
  readonly show?: (answer: Json) => string;
}

/** A command cannot be carried out; the message is for the operator. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}
