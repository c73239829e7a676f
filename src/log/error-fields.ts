/** The longest message or stack of one error, in UTF-16 units. */
const MAX_TEXT = 4096;
/** How many causes behind an error are told. */
const MAX_CAUSES = 4;

/** What a log line tells of an error. */
export interface ErrorFields {
  readonly type: string;
  readonly message: string;
  /** Node's or a library's code, such as `EADDRINUSE`. */
  readonly code?: string;
  readonly stack?: string;
  readonly cause?: ErrorFields;
}

/**
 * Returns the loggable part of whatever was thrown: type, message, code, stack and causes. Nothing else an error may
 * carry, which could be a payload or a secret.
 */
export function errorFields(thrown: unknown, causes: number = MAX_CAUSES): ErrorFields {
  if (!(thrown instanceof Error)) return { type: typeof thrown, message: bounded(textOf(thrown)) };
  const code = 'code' in thrown && typeof thrown.code === 'string' ? { code: bounded(thrown.code) } : {};
  const stack = thrown.stack === undefined ? {} : { stack: bounded(thrown.stack) };
  const cause = thrown.cause === undefined || causes === 0 ? {} : { cause: errorFields(thrown.cause, causes - 1) };
  return { type: bounded(thrown.name), message: bounded(thrown.message), ...code, ...stack, ...cause };
}

function textOf(thrown: unknown): string {
  return typeof thrown === 'object' && thrown !== null ? 'an object that is no error was thrown' : String(thrown);
}

function bounded(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text;
}
