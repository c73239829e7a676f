/** What the classes of Lua stand for, as the inside of a set of a regular expression. Lua 5.4 §6.4.1. */
const CLASSES: ReadonlyMap<string, string> = new Map([
  ['a', 'A-Za-z'],
  ['c', '\\x00-\\x1f\\x7f'],
  ['d', '0-9'],
  ['g', '!-~'],
  ['l', 'a-z'],
  ['p', '!-\\/:-@\\[-`{-~'],
  ['s', '\\t-\\r '],
  ['u', 'A-Z'],
  ['w', 'A-Za-z0-9'],
  ['x', 'A-Fa-f0-9'],
]);

/** What means itself in a pattern of Lua, and something else in a regular expression. */
const LITERAL = /[{}|\\/]/;

/** Whether a text is a pattern of Lua rather than a regular expression: it has `%d`, `%.` or the like, and no backslash. */
export function isLuaPattern(text: string): boolean {
  return !text.includes('\\') && /%[A-Za-z0-9%.+*?^$()[\]-]/.test(text);
}

/**
 * Returns a pattern of Lua as the source of a regular expression that matches the same. Throws SyntaxError for what has no
 * equal: `%b`, `%f`, `%1`, complements within sets.
 */
export function fromLua(text: string): string {
  let source = '';
  // Only single characters, classes and sets can be repeated.
  let isRepeatable = false;
  for (let i = 0; i < text.length; i++) {
    const char = text[i] ?? '';
    if (char === '%') {
      source += escaped(text[++i], false);
      isRepeatable = true;
    } else if (char === '[') {
      const end = endOfSet(text, i);
      source += `[${inside(text.slice(i + 1, end))}]`;
      i = end;
      isRepeatable = true;
    } else if ('*+?-'.includes(char)) {
      source += isRepeatable ? (char === '-' ? '*?' : char) : `\\${char}`;
      isRepeatable = !isRepeatable;
    } else {
      source += plain(char, i === 0, i === text.length - 1);
      isRepeatable = char !== '(' && char !== ')' && !(char === '^' && i === 0);
    }
  }
  return source;
}

function plain(char: string, isFirst: boolean, isLast: boolean): string {
  const isAnchor = (char === '^' && isFirst) || (char === '$' && isLast);
  if ((char === '^' || char === '$') && !isAnchor) return `\\${char}`;
  return LITERAL.test(char) || char === ']' ? `\\${char}` : char;
}

function escaped(char: string | undefined, isInSet: boolean): string {
  if (char === undefined) throw new SyntaxError('a pattern ends with %');
  if (!/[A-Za-z0-9]/.test(char)) return `\\${char}`;
  const own = CLASSES.get(char);
  if (own !== undefined) return isInSet ? own : `[${own}]`;
  const other = CLASSES.get(char.toLowerCase());
  if (other === undefined || isInSet) throw new SyntaxError(`%${char} cannot be converted here`);
  return `[^${other}]`;
}

/** The index of the bracket that ends a set; one right behind its beginning belongs to it. */
function endOfSet(text: string, start: number): number {
  const first = text[start + 1] === '^' ? start + 2 : start + 1;
  for (let i = first; i < text.length; i++) {
    if (text[i] === '%') i++;
    else if (text[i] === ']' && i > first) return i;
  }
  throw new SyntaxError('a set has no end');
}

function inside(set: string): string {
  let source = '';
  for (let i = 0; i < set.length; i++) {
    const char = set[i] ?? '';
    if (char === '%') source += escaped(set[++i], true);
    else source += /[\\[\]]/.test(char) ? `\\${char}` : char;
  }
  return source;
}
