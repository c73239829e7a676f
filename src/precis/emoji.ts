// What selects the coloured or the plain form, joins several emoji to one, and makes the flag of a region of a black one:
// Unicode Technical Standard #51, ED-8a, ED-9a, ED-16, ED-14a.
const SELECTOR = '(?<=\\p{Emoji})[\\ufe0e\\ufe0f]';
const JOINER = '(?<=\\p{Emoji}[\\ufe0e\\ufe0f]?)\\u200d(?=\\p{Extended_Pictographic})';
const TAGS = '(?<=\\u{1f3f4})[\\u{e0020}-\\u{e007e}]{1,30}\\u{e007f}';
const INVISIBLE = new RegExp(`${SELECTOR}|${JOINER}|${TAGS}`, 'gu');

/** Removes the invisible characters within emoji, which no string class of RFC 8264 allows; elsewhere they stay. */
export function withoutEmojiControls(text: string): string {
  return text.replace(INVISIBLE, '');
}
