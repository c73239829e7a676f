/** A value, or the promise of one. Code on the hot path returns the value whenever it can. */
export type Awaitable<T> = T | Promise<T>;

/** Whether a value must be waited for. */
export function isPromise<T>(value: Awaitable<T>): value is Promise<T> {
  return value instanceof Promise;
}
