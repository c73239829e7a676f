/**
 * Returns the same text in memory of its own. A text that was cut from a larger one keeps all of that alive: what is kept
 * of a stanza for longer than the stanza is copied.
 */
export function ownCopy(text: string): string {
  return Buffer.from(text).toString();
}
