import type { Clock, Timer } from '../../../util/clock.ts';
import { SourceError, type Urgency } from './source.ts';

/** How long names are collected from the first one on. */
const COLLECT_MS = 50;
/** How many names are asked for at once. */
const MAX_NAMES = 200;

/** Asks for several users at once; resolves with the JSON that was answered. */
export type AskForAll = (locals: readonly string[], urgency: Urgency) => Promise<unknown>;

interface Asker {
  readonly answered: (json: unknown) => void;
  readonly failed: (error: unknown) => void;
}

/** Names that wait to be asked for together, and who wants to know. */
interface Collecting {
  readonly askers: Map<string, Asker[]>;
  readonly timer: Timer;
}

/** Collects names for a moment, so that many users are asked for with few requests. Logins do not wait for refreshes. */
export class Batches {
  readonly #clock: Clock;
  readonly #ask: AskForAll;
  readonly #collecting = new Map<Urgency, Collecting>();

  constructor(clock: Clock, ask: AskForAll) {
    this.#clock = clock;
    this.#ask = ask;
  }

  /**
   * The part of an answer that is about this user.
   * @throws SourceError `bad_json` when there is none, or what asking for all ended with.
   */
  get(local: string, urgency: Urgency): Promise<unknown> {
    return new Promise((answered, failed) => {
      const { askers } = this.#batchOf(urgency);
      const others = askers.get(local);
      if (others === undefined) askers.set(local, [{ answered, failed }]);
      else others.push({ answered, failed });
      if (askers.size >= MAX_NAMES) this.#flush(urgency);
    });
  }

  /** Refuses what is being collected. */
  close(): void {
    for (const { askers, timer } of this.#collecting.values()) {
      timer.cancel();
      failAll(askers, new SourceError('refused', 'the server stops'));
    }
    this.#collecting.clear();
  }

  #batchOf(urgency: Urgency): Collecting {
    const known = this.#collecting.get(urgency);
    if (known !== undefined) return known;
    const timer = this.#clock.after(COLLECT_MS, () => this.#flush(urgency));
    const batch = { askers: new Map<string, Asker[]>(), timer };
    this.#collecting.set(urgency, batch);
    return batch;
  }

  #flush(urgency: Urgency): void {
    const batch = this.#collecting.get(urgency);
    if (batch === undefined) return;
    this.#collecting.delete(urgency);
    batch.timer.cancel();
    const { askers } = batch;
    this.#ask([...askers.keys()], urgency).then(
      (json) => tell(askers, json),
      (error: unknown) => failAll(askers, error),
    );
  }
}

function tell(askers: ReadonlyMap<string, readonly Asker[]>, json: unknown): void {
  for (const [local, asking] of askers) {
    const part = partOf(json, local);
    if (part === undefined) failAll([[local, asking]], new SourceError('bad_json', 'the answer leaves this user out'));
    else for (const { answered } of asking) answered(part);
  }
}

/** Own properties only: a user may be called `constructor`. */
function partOf(json: unknown, local: string): unknown {
  if (typeof json !== 'object' || json === null || !Object.hasOwn(json, local)) return undefined;
  return Object.getOwnPropertyDescriptor(json, local)?.value;
}

function failAll(askers: Iterable<readonly [string, readonly Asker[]]>, error: unknown): void {
  for (const [, asking] of askers) for (const { failed } of asking) failed(error);
}
