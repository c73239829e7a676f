/** A pending call that can be called off. */
export interface Timer {
  cancel(): void;
}

/** Time, injected so that tests can advance it by hand. */
export interface Clock {
  /** Milliseconds since the Unix epoch. */
  now(): number;
  /** Milliseconds on a clock that never jumps, for durations. */
  monotonic(): number;
  /** Calls `run` once after `ms` milliseconds. The timer does not keep the process alive. */
  after(ms: number, run: () => void): Timer;
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, run) {
    const handle = setTimeout(run, ms);
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
};

/** Calls `run` every `ms` milliseconds, measured from the start of one call to the start of the next. */
export function every(clock: Clock, ms: number, run: () => void): Timer {
  let timer: Timer;
  const tick = (): void => {
    timer = clock.after(ms, tick);
    run();
  };
  timer = clock.after(ms, tick);
  return { cancel: () => timer.cancel() };
}

/** Resolves after `ms` milliseconds. */
export function sleep(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => clock.after(ms, resolve));
}
