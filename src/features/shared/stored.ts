/** Checks that what is read back from the store is a text. Elements and stanzas are stored as their markup. */
export function storedText(json: unknown): string {
  if (typeof json !== 'string') throw new TypeError('a stored text is not a string');
  return json;
}

/** Checks that what is read back from the store is a number. */
export function storedNumber(json: unknown): number {
  if (typeof json !== 'number') throw new TypeError('a stored number is none');
  return json;
}

/** Checks that what is read back from the store is an object, whose fields are then to be checked one by one. */
export function storedObject(json: unknown): { readonly [field: string]: unknown } {
  if (typeof json !== 'object' || json === null) throw new TypeError('a stored value is not an object');
  return { ...json };
}

/** Checks that what is read back from the store is a list of texts. */
export function storedTexts(json: unknown): string[] {
  if (!Array.isArray(json)) throw new TypeError('a stored list is none');
  return json.map(storedText);
}
