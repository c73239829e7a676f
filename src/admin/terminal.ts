import { CommandError } from '../core/commands.ts';

/** Where a person types: a terminal, or a file or pipe in its place. */
export interface Input extends AsyncIterable<unknown>, NodeJS.EventEmitter {
  readonly isTTY?: boolean;
  setRawMode?(on: boolean): unknown;
  setEncoding(encoding: 'utf8'): unknown;
  resume(): unknown;
  pause(): unknown;
}

/** Where lines for people or programs go. */
export interface Output {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** The person at the terminal gave up, with Ctrl-C or Ctrl-D. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

/** The longest line that is read, in characters; a password has at most 1,023 bytes. */
const MAX_LINE = 4096;

/**
 * Reads a new password: asked twice on a terminal, without showing it; one line of anything else. Throws Interrupted, or
 * CommandError when there is none or the two differ.
 */
export async function readNewPassword(input: Input, output: Output, prompt: string): Promise<string> {
  if (input.isTTY !== true || input.setRawMode === undefined) return readLine(input);
  const keyboard = new Keyboard(input, output);
  try {
    const password = await keyboard.readHidden(`${prompt}: `);
    if (password === '') throw new CommandError('no password was given');
    if ((await keyboard.readHidden(`${prompt}, again: `)) === password) return password;
    throw new CommandError('the two passwords are not the same');
  } finally {
    keyboard.release();
  }
}

async function readLine(input: Input): Promise<string> {
  input.setEncoding('utf8');
  let text = '';
  for await (const chunk of input) {
    text += String(chunk);
    if (text.includes('\n') || text.length > MAX_LINE) break;
  }
  const end = text.indexOf('\n');
  const line = (end < 0 ? text : text.slice(0, end)).replace(/\r$/, '');
  if (line.length > MAX_LINE) throw new CommandError(`the password has more than ${MAX_LINE} characters`);
  if (line === '') throw new CommandError('no password was given on standard input');
  return line;
}

/** A terminal that shows nothing of what is typed. */
class Keyboard {
  readonly #input: Input;
  readonly #output: Output;
  /** What was typed or pasted and not used yet. */
  #typed = '';
  #arrived: (() => void) | undefined;
  #isOver = false;
  readonly #onData = (chunk: unknown): void => {
    this.#typed += String(chunk);
    this.#arrived?.();
  };
  readonly #onEnd = (): void => {
    this.#isOver = true;
    this.#arrived?.();
  };

  constructor(input: Input, output: Output) {
    this.#input = input;
    this.#output = output;
    input.setEncoding('utf8');
    input.setRawMode?.(true);
    input.on('data', this.#onData);
    input.on('end', this.#onEnd);
    input.resume();
  }

  /** Gives the terminal back as it was. */
  release(): void {
    this.#input.off('data', this.#onData);
    this.#input.off('end', this.#onEnd);
    this.#input.setRawMode?.(false);
    this.#input.pause();
  }

  async readHidden(prompt: string): Promise<string> {
    this.#output.write(prompt);
    try {
      return await this.#line();
    } finally {
      this.#output.write('\n');
    }
  }

  async #line(): Promise<string> {
    let line: string[] = [];
    for (;;) {
      const key = await this.#key();
      if (key === '\r' || key === '\n') return line.join('');
      if (key === CTRL_C || (key === CTRL_D && line.length === 0)) throw new Interrupted('interrupted');
      if (key === BACKSPACE || key === DELETE) line.pop();
      else if (key === CTRL_U) line = [];
      else if (!CONTROL.test(key) && line.length < MAX_LINE) line.push(key);
    }
  }

  /** The next key: a character, or the whole sequence of a key such as an arrow. */
  async #key(): Promise<string> {
    while (this.#typed === '') {
      if (this.#isOver) throw new Interrupted('the terminal was closed');
      await new Promise<void>((resolve) => {
        this.#arrived = resolve;
      });
    }
    const [key = ''] = KEY.exec(this.#typed) ?? [];
    this.#typed = this.#typed.slice(key.length);
    return key;
  }
}

const CTRL_C = '\u0003';
const CTRL_D = '\u0004';
const CTRL_U = '\u0015';
const BACKSPACE = '\b';
const DELETE = '\u007f';
const CONTROL = /^\p{Cc}/u;
/** A control sequence (ECMA-48 §5.4), or one character. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: keys of a terminal begin with one.
const KEY = /^(?:\u001b[[O][0-?]*[ -/]*[@-~]|.)/su;
