import { pbkdf2 } from 'node:crypto';
import { SaslError } from '../errors.ts';
import type { ScramHash } from './mechanism.ts';
import { hashFunction } from './scram-keys.ts';

export interface Pbkdf2Limits {
  /** Derivations at the same time. They run on the threads that the store and DNS need too. */
  readonly maxConcurrent?: number;
  /** Derivations that may wait; one more is refused. */
  readonly maxQueued?: number;
}

/**
 * PBKDF2, a few at a time. A storm of logins that filled libuv's four threads would make every read of the store wait
 * for it: 64 derivations at once moved one from 0.02 ms to 51 ms. One instance serves the whole process.
 */
export class Pbkdf2 {
  readonly #maxConcurrent: number;
  readonly #maxQueued: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor({ maxConcurrent = 2, maxQueued = 256 }: Pbkdf2Limits = {}) {
    this.#maxConcurrent = maxConcurrent;
    this.#maxQueued = maxQueued;
  }

  /** Computes the SaltedPassword of RFC 5802 §3. Rejects with `temporary-auth-failure` when too many are waiting. */
  derive(hash: ScramHash, password: string, salt: Buffer, iterations: number): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      const { digest, bytes } = hashFunction(hash);
      const run = (): void => {
        this.#running++;
        pbkdf2(password, salt, iterations, bytes, digest, (error, saltedPassword) => {
          this.#running--;
          this.#waiting.shift()?.();
          if (error === null) resolve(saltedPassword);
          else reject(error);
        });
      };
      if (this.#running < this.#maxConcurrent) run();
      else if (this.#waiting.length < this.#maxQueued) this.#waiting.push(run);
      else reject(new SaslError('temporary-auth-failure', { text: 'Too many logins at once; try again shortly.' }));
    });
  }
}
