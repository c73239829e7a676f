import { ManualClock } from './manual-clock.ts';

/** A clock whose date can be set, as somebody or something may set a machine's; timers and durations go on as they were. */
export class JumpingClock extends ManualClock {
  #offset = 0;

  override now(): number {
    return super.now() + this.#offset;
  }

  /** Sets the date forward, or back if negative. */
  jump(ms: number): void {
    this.#offset += ms;
  }
}
