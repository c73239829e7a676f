/** Writes what the compliance suites ask of servers for docs/xeps.md, and checks that it is true: that the tests are there, and the specifications implemented. */
import type { Proof, Provider, Requirement, Suite } from './compliance.ts';
import { type Claim, rfcLink, table, xepLink } from './protocols.ts';

/** The names of the tests in a file of the project, or undefined if there is no such file. */
export type TestNames = (file: string) => ReadonlySet<string> | undefined;

/** Returns the section of docs/xeps.md. */
export function complianceSection(suites: readonly Suite[]): string {
  const clientsOnly = suites.flatMap((suite) => suite.clientsOnly);
  return [
    '## Compliance suites',
    `What the XMPP Compliance Suites 2023 (${xepLink(479)}) ask of servers: of all of them (level _Core_), and besides of
those that call themselves advanced (level _Advanced_). Whoever claims one of the suites has to fulfil the suite Core as well.
All that is here is part of the program; no component is needed.

Left out are the ${clientsOnly.length} features that are asked of clients alone: ${clientsOnly.join(', ')}.

The tests are checked by \`npm run docs:check\`: it fails when one of these names is gone. \`…\` in a name stands for several cases.`,
    table(['Suite', 'Core', 'Advanced too'], suites.map(sumLine)),
    ...suites.flatMap(({ name, servers }) => [
      `### ${name}`,
      table(['Feature', 'Level', 'Specifications', 'Support', 'Tests'], servers.map(requirementLine)),
    ]),
  ].join('\n\n');
}

/** Returns what is wrong with the requirements, one line each: tests that are not there, and claims that do not fit the code. */
export function complianceProblems(suites: readonly Suite[], claims: readonly Claim[], namesIn: TestNames): string[] {
  const implemented = new Set(claims.map(({ spec }) => keyOf(spec)));
  return suites.flatMap(({ name, servers }) =>
    servers.flatMap((requirement) =>
      [...claimProblems(requirement, implemented), ...proofProblems(requirement.proof ?? {}, namesIn)].map(
        (problem) => `tools/compliance.ts, ${name}, ${requirement.feature}: ${problem}`,
      ),
    ),
  );
}

/** Returns the names in the source of a file of tests: of its tests and groups, with `…` for what is computed. */
export function testNames(source: string): Set<string> {
  const calls = source.matchAll(
    /^[ \t]*(?:await )?(?:t\.)?(?:test|describe)\(\s*(?:'([^'\n]*)'|"([^"\n]*)"|`([^`\n]*)`)/gm,
  );
  return new Set(
    [...calls].map(([, single, double, template = '']) => single ?? double ?? template.replace(/\$\{[^}]*\}/g, '…')),
  );
}

function claimProblems({ providers, support, note, proof }: Requirement, implemented: ReadonlySet<string>): string[] {
  const missing = providers.filter((provider) => !implemented.has(keyOf(provider))).map(keyOf);
  const problems: string[] = [];
  if (support === 'yes' && missing.length > 0) problems.push(`no code implements ${missing.join(', ')}`);
  if (support === 'partly' && missing.length === providers.length) problems.push('no code implements any of it');
  if (support === 'not yet' && missing.length === 0) problems.push('it is implemented');
  if (support === 'partly' && note === undefined) problems.push('the note does not say what is missing');
  if (support !== 'not yet' && Object.keys(proof ?? {}).length === 0) problems.push('no test proves it');
  return problems;
}

function proofProblems(proof: Proof, namesIn: TestNames): string[] {
  return Object.entries(proof).flatMap(([file, names]) => {
    const there = namesIn(file);
    if (there === undefined) return [`there is no ${file}`];
    if (names.length === 0) return [`no test of ${file} is named`];
    return names.filter((name) => !there.has(name)).map((name) => `${file} has no test "${name}"`);
  });
}

/** How many of the requirements of each level are fulfilled; those of the level Core count as Advanced too. */
function sumLine({ name, servers }: Suite): string[] {
  const fulfilled = (requirements: readonly Requirement[]): string => {
    const done = requirements.filter(({ support }) => support === 'yes');
    return `${done.length} of ${requirements.length}`;
  };
  return [name, fulfilled(servers.filter(({ level }) => level === 'Core')), fulfilled(servers)];
}

function requirementLine({ feature, level, providers, support, note, proof }: Requirement): string[] {
  const answer = note === undefined ? support : `${support}: ${note}`;
  const tests = Object.entries(proof ?? {}).flatMap(([file, names]) => [
    `[${file}](../${file}):`,
    ...names.map(escapeName),
  ]);
  return [feature, level, providers.map(link).join(', '), answer, tests.join('<br>')];
}

function link(provider: Provider): string {
  return 'rfc' in provider ? `RFC ${rfcLink(provider.rfc)}` : `XEP-${xepLink(provider.xep)}`;
}

function keyOf(provider: Provider): string {
  return 'rfc' in provider ? `RFC ${provider.rfc}` : `XEP ${provider.xep}`;
}

/** A test's name as it is, whatever Markdown would make of it. */
function escapeName(name: string): string {
  return name.replaceAll('<', '&lt;').replaceAll('|', '\\|');
}
