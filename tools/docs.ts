/** Writes what is generated from the configuration's definition; with `--check` only tells what is out of date. */
import { readFileSync, writeFileSync } from 'node:fs';
import { defineConfig } from '../src/config/config.ts';
import { configJsonSchema } from '../src/config/json-schema.ts';
import { configReference } from '../src/config/reference.ts';
import { features } from '../src/features/registry.ts';

/** Each feature's options by its name. */
const sections = Object.fromEntries(features.map(({ name, config }) => [name, config]));

const root = new URL('../', import.meta.url);
const definition = defineConfig(sections);
const generated = {
  'config.schema.json': `${JSON.stringify(configJsonSchema(definition), null, 2)}\n`,
  'docs/configuration.md': configReference(definition),
};

function isCurrent(file: string, content: string): boolean {
  try {
    return readFileSync(new URL(file, root), 'utf8') === content;
  } catch {
    return false;
  }
}

const stale = Object.entries(generated).filter(([file, content]) => !isCurrent(file, content));
if (process.argv.includes('--check')) {
  for (const [file] of stale) console.error(`${file} is out of date: run npx tsx tools/docs.ts`);
  if (stale.length > 0) process.exitCode = 1;
} else {
  for (const [file, content] of stale) {
    writeFileSync(new URL(file, root), content);
    console.log(`wrote ${file}`);
  }
}
