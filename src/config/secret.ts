import { inspect } from 'node:util';

const HIDDEN = '[secret]';

/**
 * A password, key or token that cannot be printed by accident: as text, as JSON and when inspected it reads `[secret]`.
 * Loggable values are primitives, so a secret does not even type-check as a log field.
 */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** Returns the secret itself, for the one call that needs it. */
  reveal(): string {
    return this.#text;
  }

  /** Whether both hold the same text. For telling a changed configuration, not for checking what a peer sent. */
  equals(other: Secret): boolean {
    return this.#text === other.#text;
  }

  toString(): string {
    return HIDDEN;
  }

  toJSON(): string {
    return HIDDEN;
  }

  [inspect.custom](): string {
    return HIDDEN;
  }
}
