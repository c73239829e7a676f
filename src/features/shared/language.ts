/** In characters; what is longer is a mistake, or worse. */
const MAX_HEADER = 512;

/**
 * Returns the language of those available that a browser's user reads best, by its Accept-Language header; the first where
 * it reads none. Languages are two-letter codes in lower case. RFC 9110 §12.5.4, lookup of RFC 4647 §3.4.
 */
export function preferredLanguage<L extends string>(header: string | undefined, available: readonly [L, ...L[]]): L {
  const wanted = (header ?? '').slice(0, MAX_HEADER).split(',').map(parseRange);
  // Sorting is stable: of equals, the first named wins.
  for (const { language, quality } of wanted.toSorted((a, b) => b.quality - a.quality)) {
    const found = quality > 0 ? available.find((candidate) => candidate === language) : undefined;
    if (found !== undefined) return found;
  }
  return available[0];
}

function parseRange(text: string): { readonly language: string; readonly quality: number } {
  const [range = '', ...parameters] = text.trim().toLowerCase().split(';');
  const quality = parameters.map((parameter) => /^\s*q=([01](?:\.\d{0,3})?)\s*$/.exec(parameter)?.[1]).find(Boolean);
  return { language: range.split('-')[0] ?? '', quality: quality === undefined ? 1 : Number(quality) };
}
