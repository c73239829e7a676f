import type { Parameter } from '../core/commands.ts';
import { type Entry, named, placed } from './command-line.ts';
import { facts } from './table.ts';

/** Returns the help for the whole program. */
export function usage(program: string, entries: readonly Entry[]): string {
  return `Usage: ${program} COMMAND [ARGUMENTS]

${indented(entries.map((entry) => [brief(entry), entry.summary]))}

Options of every command; "${program} COMMAND --help" shows the others:
${indented([
  ['--config FILE', 'The configuration; unless given, $PARLEY_CONFIG, else ./parley.json if there is one, else'],
  ['', 'no configuration: the host localhost, with its data in ./data'],
  ['--json', 'Print data as JSON'],
  ['--help', 'Explain the command'],
])}

While the server runs, commands are sent to it through control.sock in its data directory; otherwise they work on
the store themselves. The exit code is 0 when all went well, 1 when it did not, 2 for a wrong command line.`;
}

/** Returns the help for one command. */
export function usageOf(program: string, entry: Entry): string {
  const parameters = entry.parameters.map((parameter): [string, string] => [written(parameter), docOf(parameter)]);
  const options: [string, string][] = [['--config FILE', 'The configuration']];
  if (entry.hasJson === true) options.push(['--json', 'Print the answer as JSON']);
  const notes = entry.needsServer === true ? '\n\nIt needs the running server.' : '';
  return `Usage: ${program} ${synopsis(entry)}

${entry.summary}

${indented([...parameters, ...options])}${notes}`;
}

function brief(entry: Entry): string {
  const operand = entry.operand === undefined ? [] : [`[${entry.operand}]`];
  return [entry.name, ...placed(entry).map(written), ...operand].join(' ');
}

function synopsis(entry: Entry): string {
  return [brief(entry), ...named(entry).map((parameter) => `[${written(parameter)}]`)].join(' ');
}

function written({ name, kind, optional }: Parameter): string {
  const value = kind === 'count' ? 'N' : kind === 'jid' ? 'JID' : name.toUpperCase();
  if (kind === 'secret') return name;
  if (kind === 'flag') return `--${name}`;
  return optional === true ? `--${name} ${value}` : name.toUpperCase();
}

function docOf({ kind, doc, unless }: Parameter): string {
  if (kind !== 'secret' && unless !== undefined) return `${doc}; not with --${unless}`;
  return kind === 'secret' ? `${doc}; asked for on the terminal, or one line of standard input` : doc;
}

function indented(pairs: readonly (readonly [string, string])[]): string {
  return facts(pairs).replace(/^/gm, '  ');
}
