import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';

/** What calls take and return: named numbers. */
export type Figures = Readonly<Record<string, number>>;
/** What another process can be asked to do. */
export type Calls = Readonly<Record<string, (given: Figures) => Promise<Figures>>>;

interface Question {
  readonly id: number;
  readonly call: string;
  readonly given: Figures;
}

interface Answer {
  readonly id: number;
  readonly figures?: Figures;
  readonly error?: string;
}

const STOP_MS = 5000;

/** In the other process: answers calls until the one that started it lets go of it, and then calls `end`. */
export function serve(calls: Calls, end: () => Promise<void>): void {
  process.on('message', (question: Question) => {
    const answer = async (): Promise<Answer> => ({
      id: question.id,
      figures: (await calls[question.call]?.(question.given)) ?? {},
    });
    const failed = (error: unknown): Answer => ({ id: question.id, error: String(error) });
    void answer().then(reply, (error: unknown) => reply(failed(error)));
  });
  process.once('disconnect', () => void end().finally(() => process.exit()));
}

function reply(answer: Answer): void {
  if (process.connected) process.send?.(answer);
}

interface Waiting {
  resolve(figures: Figures): void;
  reject(error: Error): void;
}

/** Another process of the bench. */
export class Worker {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;

  /** Starts `file`, which calls {@link serve}. */
  constructor(file: URL, nodeOptions: readonly string[] = []) {
    this.#child = fork(file, { execArgv: [...process.execArgv, ...nodeOptions] });
    this.#child.on('message', (answer: Answer) => this.#answered(answer));
    this.#child.on('exit', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error(`${file} ended`));
    });
  }

  call(call: string, given: Figures = {}): Promise<Figures> {
    const question: Question = { id: this.#next++, call, given };
    return new Promise((resolve, reject) => {
      this.#waiting.set(question.id, { resolve, reject });
      this.#child.send(question);
    });
  }

  /** Lets the process end by itself, and makes it end if it does not. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS);
    this.#child.disconnect();
    await gone;
    clearTimeout(timer);
  }

  #answered({ id, figures = {}, error }: Answer): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(figures);
    else waiting?.reject(new Error(error));
  }
}
