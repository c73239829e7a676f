/** Writes what is generated from the code: the configuration's schema and reference, and the protocols implemented; with `--check` only tells what is out of date. */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { defineConfig } from '../src/config/config.ts';
import { configJsonSchema } from '../src/config/json-schema.ts';
import { configReference } from '../src/config/reference.ts';
import { builtInSpecs, features } from '../src/features/registry.ts';
import { SOFTWARE_VERSION } from '../src/util/software.ts';
import { SUITES } from './compliance.ts';
import { complianceProblems, complianceSection, testNames } from './compliance-page.ts';
import { type Claim, doapFile, protocolPage } from './protocols.ts';

/** Each feature's options by its name. */
const sections = Object.fromEntries(features.map(({ name, config }) => [name, config]));

/** Which part of the program implements which specification. */
const claims: readonly Claim[] = [
  ...builtInSpecs.map((spec) => ({ spec, feature: undefined })),
  ...features.flatMap(({ name, specs }) => specs.map((spec) => ({ spec, feature: name }))),
];

const root = new URL('../', import.meta.url);
const definition = defineConfig(sections);
const generated = {
  'config.schema.json': `${JSON.stringify(configJsonSchema(definition), null, 2)}\n`,
  'docs/configuration.md': configReference(definition),
  'docs/xeps.md': `${protocolPage(claims)}\n${complianceSection(SUITES)}\n`,
  'parley.doap': doapFile(claims, SOFTWARE_VERSION),
};

function isCurrent(file: string, content: string): boolean {
  try {
    return readFileSync(new URL(file, root), 'utf8') === content;
  } catch {
    return false;
  }
}

/** The events of the log that docs/operations.md does not explain. */
function unexplainedEvents(): string[] {
  const page = readFileSync(new URL('docs/operations.md', root), 'utf8');
  const events = readdirSync(new URL('src/', root), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
    .flatMap((text) => [...text.matchAll(/\blog\.(?:trace|debug|info|warn|error)\(\s*'([^']+)'/g)])
    .map(([, event = '']) => event);
  return [...new Set(events)].filter((event) => !page.includes(`\`${event}\``)).sort();
}

function namesInTests(file: string): ReadonlySet<string> | undefined {
  const path = new URL(file, root);
  return existsSync(path) ? testNames(readFileSync(path, 'utf8')) : undefined;
}

const stale = Object.entries(generated).filter(([file, content]) => !isCurrent(file, content));
if (process.argv.includes('--check')) {
  for (const [file] of stale) console.error(`${file} is out of date: run npm run docs`);
  const unexplained = unexplainedEvents();
  for (const event of unexplained) console.error(`docs/operations.md does not explain the log's event ${event}`);
  const untrue = complianceProblems(SUITES, claims, namesInTests);
  for (const problem of untrue) console.error(problem);
  if (stale.length > 0 || unexplained.length > 0 || untrue.length > 0) process.exitCode = 1;
} else {
  for (const [file, content] of stale) {
    writeFileSync(new URL(file, root), content);
    console.log(`wrote ${file}`);
  }
}
