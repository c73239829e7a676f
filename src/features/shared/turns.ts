/** Runs tasks that concern the same thing one after the other, by its name; those of different names do not wait. */
export class Turns {
  readonly #last = new Map<string, Promise<void>>();

  /** Runs a task when all that were begun before under this name have ended, whatever became of them. */
  take<T>(name: string, task: () => Promise<T>): Promise<T> {
    const outcome = this.settled(name).then(task);
    const ended: Promise<void> = outcome.then(ignore, ignore).then(() => {
      if (this.#last.get(name) === ended) this.#last.delete(name);
    });
    this.#last.set(name, ended);
    return outcome;
  }

  /** Resolves when all tasks that were begun under this name have ended. */
  async settled(name: string): Promise<void> {
    await this.#last.get(name);
  }
}

function ignore(): void {}
