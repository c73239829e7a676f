/**
 * One message on its way to several sessions, or to one: it has arrived when one of them acknowledges its copy, and is
 * lost when none is left that could.
 */
export class Fork {
  /** When the message came, if it is on its way for the second time; in milliseconds since the epoch. */
  readonly since: number | undefined;
  #open: number;
  #hasArrived = false;

  constructor(copies: number, since?: number) {
    this.#open = copies;
    this.since = since;
  }

  /** Whether one of the copies was acknowledged, or has left for a client that acknowledges nothing. */
  get hasArrived(): boolean {
    return this.#hasArrived;
  }

  arrived(): void {
    this.#hasArrived = true;
  }

  /** A copy will not be acknowledged any more; returns whether with it the message is lost. */
  abandon(): boolean {
    this.#open--;
    return this.#open <= 0 && !this.#hasArrived;
  }
}

// Whoever still holds the only copy knows that it has not arrived: nothing is to be counted.
class OnlyCopy extends Fork {
  override arrived(): void {}

  override abandon(): boolean {
    return true;
  }
}

/** The fork of every message that goes to one session only. */
export const ONLY_COPY: Fork = new OnlyCopy(1);
