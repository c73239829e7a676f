import type { Logger } from '../../log/log.ts';
import type { Place } from './api.ts';
import { GeoDatabase, NOWHERE } from './geo-database.ts';

/** Where addresses are, by the file that is configured; the file may be replaced. */
export class GeoSource {
  readonly #log: Logger;
  #path: string | undefined;
  #database: GeoDatabase | undefined;
  #isDamageTold = false;
  // Files are read one after the other, so that the last that was asked for is the one that stays.
  #reading: Promise<void> = Promise.resolve();

  constructor(log: Logger) {
    this.#log = log;
  }

  /** Whether what is configured is there. */
  get isReady(): boolean {
    return this.#path === undefined || this.#database !== undefined;
  }

  /** Reads a file, or none. A file that cannot be read does not take the place of an earlier one; it is logged. */
  use(path: string | undefined): Promise<void> {
    this.#reading = this.#reading.then(() => this.#read(path));
    return this.#reading;
  }

  /** Where an address is; nowhere without a file, and where that is damaged. */
  placeOf(address: string): Place {
    try {
      return this.#database?.placeOf(address) ?? NOWHERE;
    } catch (error) {
      if (!this.#isDamageTold) this.#log.error('visitors.database-damaged', { path: this.#path }, error);
      this.#isDamageTold = true;
      return NOWHERE;
    }
  }

  async #read(path: string | undefined): Promise<void> {
    this.#path = path;
    if (path === undefined) {
      this.#database = undefined;
      return;
    }
    try {
      this.#database = await GeoDatabase.open(path);
      this.#isDamageTold = false;
    } catch (error) {
      this.#log.error('visitors.no-database', { path, isCounting: this.isReady }, error);
    }
  }
}
