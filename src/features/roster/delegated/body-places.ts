import { HttpError, type HttpRequest } from '../../../http/message.ts';
import { addressGroup } from '../../../net/address.ts';

/** Bodies that are read at the same time, each as large as may be: whoever has not signed yet can be anybody. */
const MAX_READING = 64;
/** Of these from one address, so that nobody has all of them. */
const MAX_OF_ADDRESS = 16;
/** How long one may take. */
const READING_MS = 10_000;
const RETRY_SECONDS = 5;

/** Reads bodies, only so many at a time. */
export class BodyPlaces {
  readonly #ofAddress = new Map<string, number>();
  #taken = 0;

  /** Reads the body of a request. Rejects with HttpError: 503 without a place, 408 when it takes too long, 413 beyond `maxBytes`. */
  async read(request: HttpRequest, maxBytes: number): Promise<Buffer> {
    const group = addressGroup(request.remoteAddress);
    if (this.#taken >= MAX_READING || this.#takenBy(group) >= MAX_OF_ADDRESS) {
      throw new HttpError(503, 'Too many requests at once.', { 'retry-after': String(RETRY_SECONDS) });
    }
    this.#take(group, 1);
    try {
      return await request.body(maxBytes, READING_MS);
    } finally {
      this.#take(group, -1);
    }
  }

  #takenBy(group: string): number {
    return this.#ofAddress.get(group) ?? 0;
  }

  #take(group: string, places: number): void {
    this.#taken += places;
    const taken = this.#takenBy(group) + places;
    if (taken === 0) this.#ofAddress.delete(group);
    else this.#ofAddress.set(group, taken);
  }
}
