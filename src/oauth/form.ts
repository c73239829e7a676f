import type { HttpRequest } from '../http/message.ts';
import { OAuthError } from './errors.ts';
import { decodeUtf8 } from './utf8.ts';

const MAX_BYTES = 65_536;
const MAX_FIELDS = 100;
const FORM = /^application\/x-www-form-urlencoded(?:\s*;|$)/i;

/** Parameters by name, those without a value left out: they count as omitted (RFC 6749 §3.1). */
export class Form {
  readonly #values: ReadonlyMap<string, readonly string[]>;

  constructor(values: ReadonlyMap<string, readonly string[]>) {
    this.#values = values;
  }

  /** The value of a parameter. */
  get(name: string): string | undefined {
    return this.#values.get(name)?.[0];
  }

  /** The values of a parameter that may come several times. */
  all(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  /** The value of a parameter that must be there. Throws OAuthError `invalid_request`; `name` is one of ours. */
  require(name: string): string {
    const value = this.get(name);
    if (value === undefined) throw new OAuthError('invalid_request', `The parameter ${name} is missing.`);
    return value;
  }
}

/**
 * Reads a form from the body of a request. Throws OAuthError `invalid_request` for a body that is no form, and as `parseForm`
 * does; rejects with HttpError as `body` does.
 */
export async function readForm(request: HttpRequest, repeatable: readonly string[] = []): Promise<Form> {
  if (!FORM.test(request.headers['content-type'] ?? '')) {
    throw new OAuthError('invalid_request', 'The body must be of the type application/x-www-form-urlencoded.');
  }
  return parseForm(await request.body(MAX_BYTES), repeatable);
}

/**
 * Parses a form (WHATWG URL §5.1), strictly. Throws OAuthError `invalid_request` for what is not UTF-8, for wrong
 * percent-encoding, for more than 100 fields, and for a parameter that comes twice (RFC 6749 §3.2) and is not `repeatable`.
 */
export function parseForm(body: Uint8Array, repeatable: readonly string[] = []): Form {
  const text = decodeUtf8(body);
  if (text === undefined) throw notUtf8();
  const fields = text.split('&', MAX_FIELDS + 1).filter((field) => field !== '');
  return collect(
    fields.map((field) => {
      const [name = '', value = ''] = splitOnce(field, '=');
      return [decodeComponent(name), decodeComponent(value)];
    }),
    repeatable,
  );
}

/** The parameters of a query string, by the same rules. */
export function parseQuery(query: URLSearchParams): Form {
  const fields = [...query];
  // Node puts a replacement character where there was no UTF-8.
  if (fields.some((pair) => pair.some((text) => text.includes('\ufffd')))) throw notUtf8();
  return collect(fields, []);
}

/** Decodes one name or value of a form. Throws OAuthError `invalid_request`. */
export function decodeComponent(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw notUtf8();
  }
}

function collect(fields: readonly (readonly [string, string])[], repeatable: readonly string[]): Form {
  if (fields.length > MAX_FIELDS) throw new OAuthError('invalid_request', 'There are too many parameters.');
  const values = new Map<string, string[]>();
  for (const [name, value] of fields) {
    const earlier = values.get(name);
    if (earlier === undefined) values.set(name, [value]);
    else if (repeatable.includes(name)) earlier.push(value);
    else throw new OAuthError('invalid_request', 'A parameter is there twice.');
  }
  return new Form(withoutEmpty(values));
}

function withoutEmpty(values: ReadonlyMap<string, readonly string[]>): Map<string, readonly string[]> {
  const kept = new Map<string, readonly string[]>();
  for (const [name, list] of values) {
    const filled = list.filter((value) => value !== '');
    if (filled.length > 0) kept.set(name, filled);
  }
  return kept;
}

function splitOnce(text: string, separator: string): readonly string[] {
  const at = text.indexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)];
}

function notUtf8(): OAuthError {
  return new OAuthError('invalid_request', 'The parameters are not encoded in UTF-8.');
}
