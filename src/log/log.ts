import pino from 'pino';
import { errorFields } from './error-fields.ts';
import { prettyLine } from './pretty.ts';

/** The levels, from the least to the most important; `silent` writes nothing. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** What may be logged. Elements, payloads and secrets are objects, so that they cannot be. */
export type LogValue = string | number | boolean | null | undefined;

/** The fields of a line: flat, and none of the names that every line has by itself. */
export interface LogFields {
  readonly [field: string]: LogValue;
  readonly time?: never;
  readonly level?: never;
  readonly event?: never;
  readonly error?: never;
}

/**
 * Says what happens: a constant event name such as `session.bound`, flat fields, and for a fault the error.
 * A level that is off costs a comparison.
 */
export interface Logger {
  trace(event: string, fields?: LogFields, error?: unknown): void;
  debug(event: string, fields?: LogFields, error?: unknown): void;
  info(event: string, fields?: LogFields, error?: unknown): void;
  warn(event: string, fields?: LogFields, error?: unknown): void;
  error(event: string, fields?: LogFields, error?: unknown): void;
  /** The least important level that is written: that of the root, at any time. */
  readonly level: LogLevel;
  /** Whether lines of a level are written, for fields that are dear to compute. */
  isEnabled(level: LogLevel): boolean;
  /** Returns a logger that adds `fields` to every line. */
  child(fields: LogFields): Logger;
}

/** The logger that all others descend from. */
export interface RootLogger extends Logger {
  /** The least important level written, by this logger and its descendants. May be set at any time. */
  level: LogLevel;
  /** Writes what is buffered before it returns; a write under way ends by itself. Also done when the process exits. */
  flush(): void;
}

/** What one line says, before it is text. */
export interface LogRecord {
  readonly level: LogLevel;
  readonly event: string;
  readonly fields: Readonly<Record<string, LogValue>>;
  readonly error?: unknown;
}

/** Where lines go, each with its line break. */
export interface LogDestination {
  write(line: string): unknown;
  flushSync?(): void;
}

/** The longest text of a field, in UTF-16 units: a peer must not be able to fill the disk. */
const MAX_TEXT = 512;
/** What may wait for a reader of standard output that is slow; beyond it lines are dropped. */
const MAX_BUFFERED_BYTES = 8_388_608;

const SEVERITY: Readonly<Record<LogLevel, number>> = { trace: 0, debug: 1, info: 2, warn: 3, error: 4, silent: 5 };

/** Returns the logger of the process. Lines go to standard output unless `destination` is given. */
export function createLogger(options: {
  readonly level: LogLevel;
  readonly format: 'pretty' | 'json';
  readonly destination?: LogDestination;
}): RootLogger {
  const destination = options.destination ?? standardOutput();
  const pretty = { write: (line: string) => destination.write(prettyLine(line)) };
  const writer = pino(
    {
      level: 'trace',
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    options.format === 'json' ? destination : pretty,
  );
  return new SharedLogger({
    level: options.level,
    severity: SEVERITY[options.level],
    write({ level, event, fields, error }) {
      const line: Record<string, unknown> = { event };
      for (const [name, value] of Object.entries(fields)) line[name] = bounded(value);
      if (error !== undefined) line['error'] = errorFields(error);
      writer[level](line);
    },
    flush: () => destination.flushSync?.(),
  });
}

/** Returns a logger that keeps what it is told, for tests. */
export function memoryLogger(level: LogLevel = 'trace'): RootLogger & { readonly records: readonly LogRecord[] } {
  const records: LogRecord[] = [];
  const write = (record: LogRecord): void => {
    records.push(record);
  };
  return Object.assign(new SharedLogger({ level, severity: SEVERITY[level], write, flush: () => {} }), { records });
}

/**
 * Standard output, written in the background. A slow reader costs lines, not the server's time; one that is gone
 * costs nothing: pino ignores EPIPE from then on. What waits is written when the process exits.
 */
function standardOutput(): LogDestination {
  const output = pino.destination({ dest: 1, sync: false, maxLength: MAX_BUFFERED_BYTES });
  // A full disk or a lost terminal is no reason to stop serving, and there is nowhere left to say so.
  output.on('error', () => {});
  return output;
}

/** What a root and its descendants have in common. */
interface Shared {
  level: LogLevel;
  severity: number;
  readonly write: (record: LogRecord) => void;
  readonly flush: () => void;
}

class SharedLogger implements RootLogger {
  readonly #shared: Shared;
  readonly #fields: LogFields;

  constructor(shared: Shared, fields: LogFields = {}) {
    this.#shared = shared;
    this.#fields = fields;
  }

  trace(event: string, fields?: LogFields, error?: unknown): void {
    if (this.#shared.severity <= SEVERITY.trace) this.#write('trace', event, fields, error);
  }

  debug(event: string, fields?: LogFields, error?: unknown): void {
    if (this.#shared.severity <= SEVERITY.debug) this.#write('debug', event, fields, error);
  }

  info(event: string, fields?: LogFields, error?: unknown): void {
    if (this.#shared.severity <= SEVERITY.info) this.#write('info', event, fields, error);
  }

  warn(event: string, fields?: LogFields, error?: unknown): void {
    if (this.#shared.severity <= SEVERITY.warn) this.#write('warn', event, fields, error);
  }

  error(event: string, fields?: LogFields, error?: unknown): void {
    if (this.#shared.severity <= SEVERITY.error) this.#write('error', event, fields, error);
  }

  get level(): LogLevel {
    return this.#shared.level;
  }

  set level(level: LogLevel) {
    this.#shared.level = level;
    this.#shared.severity = SEVERITY[level];
  }

  isEnabled(level: LogLevel): boolean {
    return level !== 'silent' && this.#shared.severity <= SEVERITY[level];
  }

  child(fields: LogFields): Logger {
    return new SharedLogger(this.#shared, { ...this.#fields, ...fields });
  }

  flush(): void {
    this.#shared.flush();
  }

  #write(level: LogLevel, event: string, fields: LogFields | undefined, error: unknown): void {
    const record = { level, event, fields: { ...this.#fields, ...fields } };
    this.#shared.write(error === undefined ? record : { ...record, error });
  }
}

function bounded(value: LogValue): LogValue {
  return typeof value === 'string' && value.length > MAX_TEXT ? `${value.slice(0, MAX_TEXT)}…` : value;
}
