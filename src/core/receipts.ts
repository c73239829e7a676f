import { type Awaitable, isPromise } from '../util/awaitable.ts';

const MODULUS = 2 ** 32;

/** What the handling of one stanza of a client still waits for. */
export class Receipt {
  #open = 1;
  readonly #done: () => void;

  constructor(done: () => void) {
    this.#done = done;
  }

  get isDone(): boolean {
    return this.#open === 0;
  }

  /** One more thing must happen before the stanza is handled: a write, or its turn in another account's lane. */
  hold(): void {
    this.#open++;
  }

  /** The stanza is not handled before this promise has an outcome. */
  holdUntil(outcome: Promise<unknown>): void {
    this.hold();
    const release = (): void => this.release();
    outcome.then(release, release);
  }

  /** One of the things has happened. */
  release(): void {
    this.#open--;
    if (this.#open === 0) this.#done();
  }
}

/** Runs the handling of a stanza and releases its receipt when that, or what it promises, is done. */
export function releaseAfter(receipt: Receipt, run: () => Awaitable<void>): Awaitable<void> {
  let done: Awaitable<void>;
  try {
    done = run();
  } catch (error) {
    receipt.release();
    throw error;
  }
  return isPromise(done) ? done.finally(() => receipt.release()) : receipt.release();
}

/**
 * Counts the stanzas of a client that this server has taken responsibility for, modulo 2³²: those that are handled, and
 * whose predecessors are. XEP-0198 §4.
 */
export class Receipts {
  #handled: number;
  #waiting: Receipt[] = [];
  #settled: (() => void)[] = [];

  constructor(handled = 0) {
    this.#handled = handled;
  }

  get handled(): number {
    return this.#handled;
  }

  /** A stanza has arrived; release the receipt when it has been processed. */
  begin(): Receipt {
    const receipt = new Receipt(this.#advance);
    this.#waiting.push(receipt);
    return receipt;
  }

  /** Whether everything that has arrived is handled. */
  get isSettled(): boolean {
    return this.#waiting.length === 0;
  }

  /** Resolves when everything that has arrived is handled; now, if it is. */
  settled(): Promise<void> {
    return this.isSettled ? Promise.resolve() : new Promise((resolve) => this.#settled.push(resolve));
  }

  readonly #advance = (): void => {
    let done = 0;
    while (this.#waiting[done]?.isDone === true) done++;
    if (done === 0) return;
    this.#handled = (this.#handled + done) % MODULUS;
    if (done < this.#waiting.length) return void this.#waiting.splice(0, done);
    this.#waiting.length = 0;
    for (const resolve of this.#settled.splice(0)) resolve();
  };
}
