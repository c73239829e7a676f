import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

/** What a configuration refers to outside of itself. */
export interface Surroundings {
  /** The folder that relative paths start from: that of the configuration file. */
  readonly folder: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Returns a file's text; throws what `node:fs` throws. */
  readonly readFile: (path: string) => string;
}

/** The process's own working directory, environment and file system. */
export function processSurroundings(): Surroundings {
  return { folder: process.cwd(), env: process.env, readFile: (path) => readFileSync(path, 'utf8') };
}

let current: Surroundings | undefined;

/**
 * Runs `parse` with paths and secrets looked up in `surroundings`. Schemas are values without parameters, made when
 * their modules load, and parsing is synchronous: this is how its one parameter reaches the leaves.
 */
export function within<T>(surroundings: Surroundings, parse: () => T): T {
  const outer = current;
  current = surroundings;
  try {
    return parse();
  } finally {
    current = outer;
  }
}

/** Returns what the configuration being parsed refers to. */
export function surroundings(): Surroundings {
  return current ?? processSurroundings();
}

/** Returns a path of the configuration being parsed as an absolute one. */
export function absolute(path: string): string {
  return resolve(surroundings().folder, path);
}
