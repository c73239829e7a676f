/** The names that every line has by itself. */
const OWN = new Set(['time', 'level', 'event', 'error']);

/** What could end a line, move the cursor, colour the terminal or reverse the direction of writing. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/gu;

/** Values that can stand without quotes: no space, quote, `=` or backslash, and not empty. */
const PLAIN = /^[^\s"'=\\]+$/;

/**
 * Returns a JSON log line as one for people: `12:03:11 info  session.bound jid=romeo@example.org/orchard`, in local
 * time, with the stack of an error on indented lines below. What cannot be printed is escaped, so that no peer can
 * forge a line.
 */
export function prettyLine(json: string): string {
  const line = fieldsOf(JSON.parse(json));
  const parts = [clockTime(String(line['time'])), String(line['level']).padEnd(5), printable(String(line['event']))];
  for (const [name, value] of Object.entries(line)) {
    if (!OWN.has(name)) parts.push(`${printable(name)}=${plain(value)}`);
  }
  const error = line['error'];
  if (error === undefined) return `${parts.join(' ')}\n`;
  return `${parts.join(' ')} ${prettyError(fieldsOf(error))}\n`;
}

function prettyError(error: Readonly<Record<string, unknown>>): string {
  const lines = [`error=${plain(`${error['type']}: ${error['message']}`)}`];
  if (error['code'] !== undefined) lines[0] += ` code=${plain(error['code'])}`;
  const frames = String(error['stack'] ?? '')
    .split('\n')
    .filter((frame) => frame.startsWith('    at '));
  lines.push(...frames.map(printable));
  if (error['cause'] !== undefined) lines.push(`  caused by ${prettyError(fieldsOf(error['cause']))}`);
  return lines.join('\n');
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function clockTime(time: string): string {
  return new Date(time).toTimeString().slice(0, 8);
}

function plain(value: unknown): string {
  const text = printable(String(value));
  return PLAIN.test(text) ? text : `"${text.replaceAll('"', '\\"')}"`;
}

function printable(text: string): string {
  return text.replace(UNPRINTABLE, (char) => {
    if (char === '\n') return '\\n';
    const code = char.codePointAt(0) ?? 0;
    return `\\u{${code.toString(16)}}`;
  });
}
