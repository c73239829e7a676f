/** The offsets of time zones are multiples of this. */
const QUARTER_MS = 900_000;

/** Whether this is a time zone by its name in the IANA database, such as `Europe/Berlin`. */
export function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** Tells which month it is in a time zone. */
export class Months {
  readonly #format: Intl.DateTimeFormat;
  #quarter: number | undefined;
  #month = '';

  constructor(timeZone: string) {
    this.#format = new Intl.DateTimeFormat('en', { timeZone, year: 'numeric', month: '2-digit', calendar: 'gregory' });
  }

  /** The month of a time in milliseconds since the Unix epoch, as `2026-02`. */
  of(ms: number): string {
    const quarter = Math.floor(ms / QUARTER_MS);
    if (quarter !== this.#quarter) {
      const parts = new Map(this.#format.formatToParts(ms).map(({ type, value }) => [type, value]));
      this.#month = `${parts.get('year')?.padStart(4, '0')}-${parts.get('month')}`;
      this.#quarter = quarter;
    }
    return this.#month;
  }
}

/** The month that is so many months before another. */
export function monthBefore(month: string, months: number): string {
  const [year = 0, number = 1] = month.split('-').map(Number);
  const all = year * 12 + number - 1 - months;
  return `${String(Math.floor(all / 12)).padStart(4, '0')}-${String((all % 12) + 1).padStart(2, '0')}`;
}
