/** One thing that is wrong with a configuration. */
export interface ConfigProblem {
  /** Where, such as `listen.c2s[0].port`; empty for the configuration as a whole. */
  readonly path: string;
  /** What belongs there, completing "expected …". */
  readonly expected: string;
  /** What is there, shortened; never a secret. */
  readonly found: string;
  /** The valid name that was probably meant. */
  readonly suggestion?: string;
}

/** The longest piece of a configuration that a message repeats, in characters. */
const MAX_QUOTE = 60;
/** How many problems a message lists; the rest is counted. */
const MAX_LISTED = 50;

/** Refuses a configuration, with everything that is wrong with it. The message is meant to be shown as it is. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly ConfigProblem[];

  constructor(source: string, problems: readonly ConfigProblem[]) {
    const lines = problems.slice(0, MAX_LISTED).map((problem) => `  ${describeProblem(problem)}`);
    if (problems.length > MAX_LISTED) lines.push(`  and ${problems.length - MAX_LISTED} more`);
    super(`${source} is not valid:\n${lines.join('\n')}`);
    this.problems = problems;
  }
}

/** Returns a problem as one line for people. */
export function describeProblem({ path, expected, found, suggestion }: ConfigProblem): string {
  const hint = suggestion === undefined ? '' : `; did you mean "${suggestion}"?`;
  return `${path === '' ? '' : `${path}: `}expected ${expected}, found ${found}${hint}`;
}

/** Returns the path of `key` inside of `parent`: `a.b`, `a[0]`, `a["b.c"]`. */
export function joinPath(parent: string, key: string | number): string {
  if (typeof key === 'number') return `${parent}[${key}]`;
  if (!/^[A-Za-z_$][\w$-]*$/.test(key)) return `${parent}[${JSON.stringify(shorten(key))}]`;
  return parent === '' ? key : `${parent}.${shorten(key)}`;
}

/** Returns a value of a configuration in a few characters. */
export function quote(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'object' && value !== null) return quoteType(value);
  return shorten(JSON.stringify(typeof value === 'string' ? withoutUserInfo(value) : value));
}

/** What is before the at sign of a URL's host is often a password. RFC 3986 §3.2.1. */
function withoutUserInfo(text: string): string {
  return text.replace(/(:\/\/)[^/?#]*@/, '$1…@');
}

/** Returns what sort of value is in a configuration, without the value. */
export function quoteType(value: unknown): string {
  if (value === undefined || value === null) return value === null ? 'null' : 'nothing';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function shorten(text: string): string {
  return text.length <= MAX_QUOTE ? text : `${text.slice(0, MAX_QUOTE - 1)}…`;
}

/** Returns the name nearest to `given`, or nothing when none is near: at most a third of it may differ. */
export function nearest(given: string, names: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(given.length / 3)) + 1;
  if (given.length > MAX_QUOTE) return undefined;
  for (const name of names) {
    const distance = editDistance(given.toLowerCase(), name.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [name, distance];
  }
  return best;
}

/** Counts the characters to insert, drop, replace or swap with their neighbour to make `a` of `b`. */
function editDistance(a: string, b: string): number {
  let twoBack: readonly number[] = [];
  let previous: readonly number[] = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = at(previous, column - 1) + (a[row - 1] === b[column - 1] ? 0 : 1);
      const swaps = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      const swapped = swaps ? at(twoBack, column - 2) + 1 : Infinity;
      current.push(Math.min(at(previous, column) + 1, at(current, column - 1) + 1, replaced, swapped));
    }
    [twoBack, previous] = [previous, current];
  }
  return at(previous, b.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Infinity;
}
