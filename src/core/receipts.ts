import { type Awaitable, isPromise } from '../util/awaitable.ts';

/** What the handling of one stanza of a client still waits for. */
export class Receipt {
  /** That of the stanza that came after it. */
  next: Receipt | undefined;
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

/** Releases the receipt of a stanza, if it has one, when its handling is done. */
export function releaseAfter(receipt: Receipt | undefined, handling: Awaitable<void>): Awaitable<void> {
  if (receipt === undefined) return handling;
  return isPromise(handling) ? handling.finally(() => receipt.release()) : receipt.release();
}

/**
 * Counts the stanzas of a client that this server has taken responsibility for, modulo 2³²: those that are handled, and
 * whose predecessors are. XEP-0198 §4.
 */
export class Receipts {
  #handled: number;
  // A chain: most have one link, and last for as long as a stanza is handled.
  #first: Receipt | undefined;
  #last: Receipt | undefined;
  // Who waits for what had arrived, the first to be told first.
  #settled: { readonly last: Receipt; readonly resolve: () => void }[] = [];

  constructor(handled = 0) {
    this.#handled = handled;
  }

  get handled(): number {
    return this.#handled;
  }

  /** A stanza has arrived; release the receipt when it has been processed. */
  begin(): Receipt {
    const receipt = new Receipt(this.#advance);
    if (this.#last === undefined) this.#first = receipt;
    else this.#last.next = receipt;
    this.#last = receipt;
    return receipt;
  }

  /** Whether everything that has arrived is handled. */
  get isSettled(): boolean {
    return this.#first === undefined;
  }

  /** Resolves when everything that has arrived by now is handled. */
  settled(): Promise<void> {
    const last = this.#last;
    return last === undefined ? Promise.resolve() : new Promise((resolve) => this.#settled.push({ last, resolve }));
  }

  readonly #advance = (): void => {
    let receipt = this.#first;
    while (receipt?.isDone === true) {
      this.#handled = (this.#handled + 1) >>> 0;
      if (receipt === this.#settled[0]?.last) this.#tell();
      const { next }: Receipt = receipt;
      // Whoever still has it must not keep alive all that follow.
      receipt.next = undefined;
      receipt = next;
    }
    this.#first = receipt;
    if (receipt === undefined) this.#last = undefined;
  };

  // Those told look at the counter later, when it has advanced.
  #tell(): void {
    const last = this.#settled[0]?.last;
    while (this.#settled[0]?.last === last && this.#settled.length > 0) this.#settled.shift()?.resolve();
  }
}
