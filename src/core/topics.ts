import { isPromise } from '../util/awaitable.ts';
import type { BugReport } from './filters.ts';
import type { Observer, Topic } from './points.ts';

interface Subscription {
  readonly feature: string;
  readonly run: Observer<unknown>;
}

/** Who observes what on one host. An observer that fails is reported and harms nobody else. */
export class Topics {
  readonly #subscriptions = new Map<string, readonly Subscription[]>();
  readonly #bug: BugReport;

  constructor(bug: BugReport) {
    this.#bug = bug;
  }

  /** Adds an observer; returns how to remove it. */
  observe<E>(feature: string, topic: Topic<E>, run: Observer<E>): () => void {
    // A topic's name stands for its event type: `announce` is the only caller.
    const subscription: Subscription = { feature, run: run as Observer<unknown> };
    // The lists are replaced and not changed: one may be read while an observer comes or goes.
    const { name } = topic;
    this.#subscriptions.set(name, [...this.#of(name), subscription]);
    return () => {
      this.#subscriptions.set(
        name,
        this.#of(name).filter((other) => other !== subscription),
      );
    };
  }

  #of(name: string): readonly Subscription[] {
    return this.#subscriptions.get(name) ?? [];
  }

  /** Tells all observers, in the order of the registry, and waits for none. */
  announce<E>(topic: Topic<E>, event: E): void {
    for (const { feature, run } of this.#of(topic.name)) {
      const failed = (error: unknown): void => this.#bug(`${topic.name}/${feature}`, error);
      try {
        const done = run(event);
        if (isPromise(done)) done.catch(failed);
      } catch (error) {
        failed(error);
      }
    }
  }

  /** Tells all observers and resolves when they are done; rejects with the first failure once all have ended. */
  async settle<E>(topic: Topic<E>, event: E): Promise<void> {
    const outcomes = await Promise.allSettled(this.#of(topic.name).map(async ({ run }) => run(event)));
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }
}
