import { CommandError } from '../core/commands.ts';
import type { Logger } from '../log/log.ts';
import type { Clock } from '../util/clock.ts';

/** The parts of `process` that are used, so that tests can do without one. */
export interface ProcessEvents {
  on(event: string, run: (...args: unknown[]) => void): unknown;
  off(event: string, run: (...args: unknown[]) => void): unknown;
  exit(code: number): void;
}

/** What signals act on. */
export interface Signalled {
  readonly process: ProcessEvents;
  readonly log: Logger;
  readonly clock: Clock;
  stop(): Promise<void>;
  reload(): Promise<void>;
  /** How long stopping may take before the process ends all the same, in milliseconds. */
  stopMs(): number;
}

/**
 * Answers the signals of the process and the errors that nobody caught. SIGTERM and SIGINT stop the server, a second one
 * ends the process at once; SIGHUP reloads. A rejection that nobody handles is a bug, logged and counted, and harms
 * nobody. An exception that nobody caught has interrupted code halfway, perhaps Node's own, so that the process is not to
 * be trusted any more: the server stops in good order, with exit code 1, and whoever supervises it starts it again.
 */
export class ProcessSignals {
  readonly #target: Signalled;
  readonly #handlers: readonly (readonly [event: string, run: (...args: unknown[]) => void])[];
  #ended: (code: number) => void = () => {};
  #isStopping = false;
  #uncaughtErrors = 0;
  /** Resolves with the exit code when the server has stopped. */
  readonly ended: Promise<number>;

  constructor(target: Signalled) {
    this.#target = target;
    this.ended = new Promise((resolve) => {
      this.#ended = resolve;
    });
    this.#handlers = [
      ['SIGTERM', () => this.#interrupted('SIGTERM')],
      ['SIGINT', () => this.#interrupted('SIGINT')],
      ['SIGHUP', () => this.#reload()],
      ['unhandledRejection', (error) => this.#bug('unhandledRejection', error)],
      ['uncaughtException', (error) => this.#uncaught(error)],
    ];
    for (const [event, run] of this.#handlers) target.process.on(event, run);
  }

  /** How many errors nobody caught. */
  get uncaughtErrors(): number {
    return this.#uncaughtErrors;
  }

  /** Answers nothing any more. */
  release(): void {
    for (const [event, run] of this.#handlers) this.#target.process.off(event, run);
  }

  #interrupted(signal: string): void {
    const { log, process } = this.#target;
    if (this.#isStopping) return process.exit(1);
    log.info('server.stopping', { signal });
    this.#stop(0);
  }

  #stop(code: number): void {
    this.#isStopping = true;
    const { log, clock, process } = this.#target;
    const forced = clock.after(this.#target.stopMs(), () => {
      log.error('server.stop_forced');
      process.exit(1);
    });
    const stopped = (exitCode: number): void => {
      forced.cancel();
      this.#ended(exitCode);
    };
    this.#target.stop().then(
      () => stopped(code),
      (error: unknown) => {
        log.error('server.stop_failed', {}, error);
        stopped(1);
      },
    );
  }

  #reload(): void {
    if (this.#isStopping) return;
    this.#target.reload().catch((error: unknown) => {
      // Said already, where it was found out.
      if (!(error instanceof CommandError)) this.#bug('reload', error);
    });
  }

  #uncaught(error: unknown): void {
    this.#bug('uncaughtException', error);
    if (!this.#isStopping) this.#stop(1);
  }

  #bug(where: string, error: unknown): void {
    this.#uncaughtErrors++;
    this.#target.log.error('bug', { where }, error);
  }
}
