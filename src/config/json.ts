import { joinPath } from './problem.ts';

/** Why a text is not the JSON of a configuration, and where. Lines and columns start at 1. */
export class JsonError extends Error {
  override readonly name = 'JsonError';
  readonly line: number;
  readonly column: number;
  readonly expected: string;
  readonly found: string;

  constructor(text: string, offset: number, expected: string, found: string) {
    const before = text.slice(0, offset).split('\n');
    super(`expected ${expected}, found ${found}`);
    this.expected = expected;
    this.found = found;
    this.line = before.length;
    this.column = (before.at(-1)?.length ?? 0) + 1;
  }
}

/** How deep a configuration may nest. */
const MAX_DEPTH = 32;

const SPACE = /[ \t\r\n]*/y;
/** White space excepted, the tokens of RFC 8259 §2; strings as its §7 has them, unrolled so that matching is linear. */
const TOKEN =
  /[{}[\],:]|"[ !#-[\]-\u{10ffff}]*(?:\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4})[ !#-[\]-\u{10ffff}]*)*"|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/uy;

/**
 * Parses the JSON of a configuration (RFC 8259). Unlike `JSON.parse` it says where the fault is, and it refuses what
 * can only be a mistake: a name twice in one object, the name `__proto__`, more than 32 levels. Throws `JsonError`.
 */
export function parseJson(text: string): unknown {
  return new Reader(text).document();
}

class Reader {
  readonly #text: string;
  #offset = 0;
  /** The next token; empty at the end of the text. */
  #token: string = '';

  constructor(text: string) {
    this.#text = text;
    if (text.startsWith('\ufeff')) this.#offset = 1;
    this.#advance();
  }

  document(): unknown {
    const value = this.#value('', 0);
    if (this.#token !== '') this.#fail('the end of the file');
    return value;
  }

  #value(path: string, depth: number): unknown {
    if (depth > MAX_DEPTH) this.#fail(`at most ${MAX_DEPTH} levels`, 'more');
    if (this.#token === '{') return this.#object(path, depth);
    if (this.#token === '[') return this.#array(path, depth);
    if (this.#token === '' || '}],:'.includes(this.#token)) this.#fail('a value');
    const value: unknown = JSON.parse(this.#token);
    this.#consume();
    return value;
  }

  #object(path: string, depth: number): Record<string, unknown> {
    const object: Record<string, unknown> = {};
    this.#consume();
    while (this.#token !== '}') {
      const key = this.#key(path, object);
      object[key] = this.#value(joinPath(path, key), depth + 1);
      this.#separator('}');
    }
    this.#consume();
    return object;
  }

  #array(path: string, depth: number): unknown[] {
    const array: unknown[] = [];
    this.#consume();
    while (this.#token !== ']') {
      array.push(this.#value(joinPath(path, array.length), depth + 1));
      this.#separator(']');
    }
    this.#consume();
    return array;
  }

  #key(path: string, object: object): string {
    if (!this.#token.startsWith('"')) this.#fail('a name in double quotes');
    const key = String(JSON.parse(this.#token));
    if (key === '__proto__') this.#fail('the name of an option', '"__proto__"');
    if (Object.hasOwn(object, key)) this.#fail('each name once', `${joinPath(path, key)} again`);
    this.#consume();
    if (this.#token !== ':') this.#fail('":"');
    this.#consume();
    return key;
  }

  #separator(end: '}' | ']'): void {
    if (this.#is(end)) return;
    if (!this.#is(',')) this.#fail(`"," or "${end}"`);
    this.#consume();
    if (this.#is(end)) this.#fail('a value after ","');
  }

  #is(token: string): boolean {
    return this.#token === token;
  }

  #consume(): void {
    this.#offset += this.#token.length;
    this.#advance();
  }

  /** Finds the next token after white space, without consuming it. */
  #advance(): void {
    SPACE.lastIndex = this.#offset;
    SPACE.exec(this.#text);
    this.#offset = SPACE.lastIndex;
    TOKEN.lastIndex = this.#offset;
    const token = TOKEN.exec(this.#text)?.[0];
    this.#token = token ?? '';
    if (token === undefined && this.#offset < this.#text.length) this.#fail('JSON');
  }

  #found(): string {
    const rest = this.#text.slice(this.#offset, this.#offset + 20);
    if (rest === '') return 'the end of the file';
    if (/^(\/\/|\/\*|#)/.test(rest)) return 'a comment, which JSON does not have';
    if (rest.startsWith('"'))
      return this.#token === '' ? 'a string with a line break, a wrong escape or no end' : 'a string';
    return JSON.stringify(rest.split(/[\s,:[\]{}]/, 1)[0] || rest.charAt(0));
  }

  #fail(expected: string, found: string = this.#found()): never {
    throw new JsonError(this.#text, this.#offset, expected, found);
  }
}
