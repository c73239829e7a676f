import type { Clock } from '../util/clock.ts';
import { unguessableNumber } from '../util/ids.ts';
import { flat } from '../util/own-copy.ts';
import type { EntryId } from './store.ts';

/*
 * 9 digits of time in milliseconds, 3 of a count and 6 that cannot be guessed, base 32, whose digits sort as their characters
 * do. The count is the stream's own and starts anew each millisecond: an identifier tells nothing about other streams.
 */
const RADIX = 32;
const TIME_DIGITS = 9;
const COUNT_DIGITS = 3;
const CHANCE_DIGITS = 6;
const CHANCE_BITS = 30;
const MAX_COUNT = RADIX ** COUNT_DIGITS - 1;
const ZEROS = '0'.repeat(TIME_DIGITS);
const MAX_TIME = RADIX ** TIME_DIGITS - 1;
const MAX_STREAMS = 10_000;

/** Draws identifiers that grow within each stream, even where the clock steps back or the process starts again. */
export class EntryIds {
  readonly #clock: Clock;
  #timeMs: number;
  /** The same as digits: many identifiers are of one millisecond. */
  #timeDigits: string;
  /** The last count of each stream that drew in this millisecond. */
  readonly #counts = new Map<string, number>();

  /** `reachedMs` is the {@link timeMs} of the last identifier of an earlier process; all new ones are later. */
  constructor(clock: Clock, reachedMs = 0) {
    this.#clock = clock;
    this.#timeMs = reachedMs + 1;
    this.#timeDigits = digits(this.#timeMs, TIME_DIGITS);
  }

  /** The time of the latest identifier, in milliseconds since the Unix epoch; never before that of an earlier one. */
  get timeMs(): number {
    return this.#timeMs;
  }

  /** Returns the next identifier of the stream with this encoded key. */
  next(stream: string): EntryId {
    const now = this.#clock.now();
    if (now > this.#timeMs) this.#moveTo(now);
    let count = this.#counts.get(stream) ?? -1;
    // The clock stands, or stepped back: time moves on by itself when a millisecond is full.
    if (count === MAX_COUNT || this.#counts.size > MAX_STREAMS) {
      this.#moveTo(this.#timeMs + 1);
      count = -1;
    }
    this.#counts.set(stream, count + 1);
    const chance = unguessableNumber() >>> (32 - CHANCE_BITS);
    // One piece of text: it is part of a key, and may be kept.
    return flat(this.#timeDigits + digits(count + 1, COUNT_DIGITS) + digits(chance, CHANCE_DIGITS));
  }

  #moveTo(timeMs: number): void {
    this.#timeMs = timeMs;
    this.#timeDigits = digits(timeMs, TIME_DIGITS);
    this.#counts.clear();
  }
}

/** Makes the identifier of an entry from elsewhere: of its time, its number among those of that time, and a number that tells it. */
export function entryIdAt(ms: number, count: number, chance: number): EntryId {
  const among = Math.min(count, MAX_COUNT);
  return digits(ms, TIME_DIGITS) + digits(among, COUNT_DIGITS) + digits(chance >>> (32 - CHANCE_BITS), CHANCE_DIGITS);
}

/** Whether a text has the form of an identifier. */
export function isEntryId(text: string): boolean {
  return /^[0-9a-v]{18}$/.test(text);
}

/** When an entry was appended, in milliseconds since the Unix epoch; NaN for what is no identifier. */
export function timeOfEntry(id: EntryId): number {
  return /^[0-9a-v]{9}/.test(id) ? Number.parseInt(id.slice(0, TIME_DIGITS), RADIX) : Number.NaN;
}

/**
 * A bound for reading: less than the identifier of every entry appended at this time, in milliseconds since the Unix epoch, or
 * later, and greater than all others.
 */
export function beforeEntriesAt(ms: number): EntryId {
  return digits(Math.max(0, Math.min(Math.ceil(ms), MAX_TIME)), TIME_DIGITS);
}

function digits(value: number, length: number): string {
  const text = value.toString(RADIX);
  return text.length === length ? text : ZEROS.slice(0, length - text.length) + text;
}
