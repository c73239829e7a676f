import { type Key, StoreError } from './store.ts';

/** Returns the text that is stored for a value. Throws TypeError on what JSON cannot hold. */
export function encodeValue(value: unknown): string {
  const text: string | undefined = JSON.stringify(value);
  if (text === undefined) throw new TypeError('a stored value must be JSON; delete the key to store nothing');
  return text;
}

/**
 * Reads a stored text back, JSON unless it is in a format of its own, and checks it; throws StoreError 'damaged' that names the
 * table and the key.
 */
export function decodeValue<V>(
  text: string,
  parse: (json: unknown) => V,
  name: string,
  key: Key,
  isFormatted = false,
): V {
  try {
    return parse(isFormatted ? text : JSON.parse(text));
  } catch (cause) {
    const message = `the store holds a damaged value in ${name}, key ${JSON.stringify(key)}: restore a backup, or delete the key`;
    throw new StoreError('damaged', message, { cause });
  }
}
