import { randomBytes, randomUUID } from 'node:crypto';

const POOL_BYTES = 4096;
const NUMBER_BYTES = 4;
let pool = Buffer.alloc(0);
let offset = 0;

/** Returns `count` unguessable bytes. Drawn from a pool, because one call to the system costs as much as fifty reads of it. */
export function unguessableBytes(count: number): Buffer {
  if (offset + count > pool.length) refill(count);
  const bytes = pool.subarray(offset, offset + count);
  offset += count;
  return Buffer.from(bytes);
}

/** Returns an unguessable whole number below 2³². */
export function unguessableNumber(): number {
  if (offset + NUMBER_BYTES > pool.length) refill(NUMBER_BYTES);
  const number = pool.readUInt32LE(offset);
  offset += NUMBER_BYTES;
  return number;
}

function refill(count: number): void {
  pool = randomBytes(Math.max(POOL_BYTES, count));
  offset = 0;
}

/** Returns an unguessable identifier of 120 bits in 20 characters of base64url. */
export function newId(): string {
  return unguessableBytes(15).toString('base64url');
}

/** Returns a random UUID of version 4. RFC 9562 §5.4. */
export function randomUuid(): string {
  return randomUUID();
}

/** Returns a number in [0, 1) for jitter and sampling, never for secrets. */
export function chance(): number {
  return Math.random();
}
