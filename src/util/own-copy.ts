/**
 * Returns the same text in memory of its own. A text that was cut from a larger one keeps all of that alive: what is kept
 * of a stanza for longer than the stanza is copied.
 */
export function ownCopy(text: string): string {
  return Buffer.from(text).toString();
}

/**
 * Returns a text that was put together, as one piece in memory of its own: as V8 keeps it, it is a tree of what it was made
 * of until a character of it is read. Much cheaper than a copy, for texts that are kept.
 */
export function flat(text: string): string {
  // Written so that reading cannot be left out as useless: of an empty text, the first character is none.
  return Number.isNaN(text.charCodeAt(0)) ? '' : text;
}
