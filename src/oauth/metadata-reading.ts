import type { MetadataFault } from './errors.ts';
import type { JsonObject } from './jws.ts';

/** What a text of the metadata must be. */
export interface TextRule {
  readonly maxChars: number;
  readonly pattern?: RegExp;
  /** What the pattern asks for, such as `must be a UUID`. */
  readonly message?: string;
}

/** What a list of the metadata must be. */
export interface ListRule {
  readonly minItems: number;
  readonly maxItems: number;
}

/**
 * Nothing that would break a line, turn around what is shown beside it, or make two names look the same; but what joins letters
 * and emoji, or says how they look.
 */
const UNSEEN =
  /(?!\u200c|\u200d|[\ufe00-\ufe0f])[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800\ufff9-\ufffb]/u;
const BLANK = /^(?:\s|\u200c|\u200d|[\ufe00-\ufe0f])*$/u;

/** Reads the fields of a registration, and collects what is wrong with them. */
export class MetadataReading {
  readonly faults: MetadataFault[] = [];
  readonly #json: JsonObject;

  constructor(json: JsonObject) {
    this.#json = json;
  }

  /** The names of the fields that were sent. */
  get names(): readonly string[] {
    return Object.keys(this.#json);
  }

  /** Notes a fault. `message` continues a sentence that begins with the name of the field. */
  fault(field: string, message: string): void {
    this.faults.push({ field, message });
  }

  /** A text; undefined if it is missing or wrong. */
  text(field: string, rule: TextRule): string | undefined {
    const value = this.#value(field);
    return value === undefined ? undefined : this.#checkText(field, value, rule);
  }

  /** One of the given texts; undefined if it is missing or wrong. */
  choice<T extends string>(field: string, choices: readonly T[]): T | undefined {
    const value = this.#value(field);
    return value === undefined ? undefined : this.#checkChoice(field, value, choices);
  }

  /** A list of different texts; undefined if it is missing or is no list. */
  texts(field: string, list: ListRule, rule: TextRule): readonly string[] | undefined {
    return this.#list(field, list, (name, value) => this.#checkText(name, value, rule));
  }

  /** A list of different ones of the given texts; undefined if it is missing or is no list. */
  choices<T extends string>(field: string, list: ListRule, choices: readonly T[]): readonly T[] | undefined {
    return this.#list(field, list, (name, value) => this.#checkChoice(name, value, choices));
  }

  #value(field: string): unknown {
    return Object.hasOwn(this.#json, field) ? this.#json[field] : undefined;
  }

  #list<T extends string>(
    field: string,
    { minItems, maxItems }: ListRule,
    check: (name: string, value: unknown) => T | undefined,
  ): readonly T[] | undefined {
    const value = this.#value(field);
    if (value === undefined) return undefined;
    if (!Array.isArray(value)) this.fault(field, 'must be a list');
    else if (value.length < minItems) this.fault(field, `must have at least ${minItems} items`);
    else if (value.length > maxItems) this.fault(field, `must have at most ${maxItems} items`);
    else if (new Set(value).size < value.length) this.fault(field, 'must have no item twice');
    else return value.map((item, index) => check(`${field}/${index}`, item)).filter((item) => item !== undefined);
    return undefined;
  }

  #checkText(name: string, value: unknown, { maxChars, pattern, message }: TextRule): string | undefined {
    if (typeof value !== 'string') this.fault(name, 'must be a string');
    else if (BLANK.test(value)) this.fault(name, 'must not be empty');
    else if (value.length > maxChars) this.fault(name, `must have at most ${maxChars} characters`);
    else if (UNSEEN.test(value)) this.fault(name, 'must not contain control characters, nor any that nobody sees');
    else if (pattern?.test(value) === false) this.fault(name, message ?? 'is malformed');
    else return value;
    return undefined;
  }

  #checkChoice<T extends string>(name: string, value: unknown, choices: readonly T[]): T | undefined {
    const chosen = choices.find((choice) => choice === value);
    if (chosen === undefined) this.fault(name, `must be one of ${choices.join(', ')}`);
    return chosen;
  }
}
