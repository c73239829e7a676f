const TOKEN = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const PARAMETER = `${TOKEN}=(?:${TOKEN}|"[\\x20\\x21\\x23-\\x5b\\x5d-\\x7e]*")`;
const MEDIA_TYPE = new RegExp(`^${TOKEN}/${TOKEN}(?: *; *${PARAMETER})*$`);
const MAX_LENGTH = 255;

/** What a browser shows by itself and runs nothing of: neither SVG, nor HTML, nor PDF. */
const INLINE: ReadonlySet<string> = new Set([
  ...['apng', 'avif', 'bmp', 'gif', 'heic', 'heif', 'jpeg', 'jxl', 'png', 'webp'].map((name) => `image/${name}`),
  ...['3gpp', 'aac', 'amr', 'flac', 'm4a', 'mp4', 'mpeg', 'ogg', 'opus', 'wav', 'webm', 'x-m4a', 'x-wav'].map(
    (name) => `audio/${name}`,
  ),
  ...['3gpp', 'mp4', 'mpeg', 'ogg', 'quicktime', 'webm', 'x-matroska'].map((name) => `video/${name}`),
]);

/** Whether a text is a media type with or without parameters, and not a long one. RFC 9110 §8.3.1. */
export function isMediaType(text: string): boolean {
  return text.length <= MAX_LENGTH && MEDIA_TYPE.test(text);
}

/** A media type without its parameters, in lower case. */
export function essenceOf(mediaType: string): string {
  return (mediaType.split(';', 1)[0] ?? '').trim().toLowerCase();
}

/** Whether a browser may show what has this media type, instead of saving it. */
export function isInline(mediaType: string): boolean {
  return INLINE.has(essenceOf(mediaType));
}
