import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { type Config, defineConfig } from '../../src/config/config.ts';
import { configJsonSchema, type JsonSchema } from '../../src/config/json-schema.ts';
import { integer, milliseconds, oneOf } from '../../src/config/kinds.ts';
import { loadConfig } from '../../src/config/load.ts';
import { configReference } from '../../src/config/reference.ts';
import { type Node, optIn, option, section } from '../../src/config/schema.ts';
import { features } from '../../src/features/registry.ts';
import { projectFile } from '../support/project.ts';

const shippedSections = Object.fromEntries(features.map(({ name, config }) => [name, config]));
const withFeatures = defineConfig({
  ping: undefined,
  bare: optIn(section('Has no options.', {})),
  polls: optIn(
    section('Questions to all.', {
      answers: option(integer(1, 9), { default: 3, doc: 'How many answers.', reload: 'live' }),
    }),
  ),
  mam: section('Message archives.', {
    maxPage: option(integer(1, 500), { default: 50, doc: 'The largest page | slice.', reload: 'live' }),
    expiry: section('When entries go.', {
      afterMs: option(milliseconds(), { default: 1000, doc: 'The age of the oldest entry.', reload: 'restart' }),
    }),
  }),
});

/** Loads a configuration of this repository in the place of any certificate and secret it names. */
function loadShipped(name: string): { config: Config; warnings: readonly string[] } {
  const path = projectFile(name);
  const readFile = (wanted: string) => (wanted === path ? readFileSync(path, 'utf8') : 'content');
  return loadConfig(path, { sections: shippedSections, readFile, env: { PARLEY_KEY_PASSPHRASE: 'phrase' } });
}

function* optionsOf(node: Node, path = ''): Iterable<{ path: string; doc: string; value: unknown }> {
  if (node.node === 'option') yield { path, doc: node.doc, value: node.default };
  if (node.node === 'overrides') yield { path, doc: node.doc, value: {} };
  if (node.node === 'section') {
    for (const [name, entry] of Object.entries(node.entries)) yield* optionsOf(entry, path ? `${path}.${name}` : name);
  }
  if (node.node === 'map') yield* optionsOf(node.value, `${path}.*`);
  if (node.node === 'switch') yield* optionsOf(node.section, path);
}

function valuesAt(value: unknown, path: string): unknown[] {
  const [name = '', ...rest] = path.split('.');
  if (typeof value !== 'object' || value === null) return [];
  const members = Object.entries(value).flatMap(([key, member]) => (name === '*' || key === name ? [member] : []));
  return rest.length === 0 ? members : members.flatMap((member) => valuesAt(member, rest.join('.')));
}

function schemaAt(schema: JsonSchema, path: string): JsonSchema {
  return path.split('.').reduce<JsonSchema>((at, name) => Object(Object(at['properties'])[name]), schema);
}

test('the example is valid and has every option, those of features on some host at least', () => {
  assert.deepEqual(loadShipped('config.example.json').warnings, []);
  const example: unknown = JSON.parse(readFileSync(projectFile('config.example.json'), 'utf8'));
  for (const { path } of optionsOf(defineConfig(shippedSections)))
    assert.ok(
      [path, `hosts.*.${path}`].some((at) => valuesAt(example, at).length > 0),
      `the example lacks ${path}`,
    );
});

test('the configuration of the load test lets a load tool in and limits no rate', () => {
  const { config } = loadShipped('bench/load.config.json');
  assert.equal(config.c2s.requireEncryption, false);
  assert.equal(config.auth.allowPlaintext, true);
  assert.ok(config.auth.mechanisms.includes('PLAIN'));
  assert.deepEqual(config.registration, { enabled: true, allowPasswordChange: true, rateLimit: null });
  assert.deepEqual(config.limits.traffic, { stanzas: null, bytes: null });
  assert.deepEqual(config.limits.connections, { unauthenticatedPerAddress: null, attemptsPerAddress: null });
  const { failuresPerAddress, failuresPerAccountFromAddress, failuresPerAccount } = config.auth;
  assert.deepEqual([failuresPerAddress, failuresPerAccountFromAddress, failuresPerAccount], [null, null, null]);
  assert.ok(
    Object.values(config.listen)
      .flat()
      .every(({ address }) => address === '127.0.0.1'),
  );
});

test('every option says in a sentence what it does', () => {
  for (const { path, doc } of optionsOf(withFeatures)) assert.match(doc, /^\W?[\w:].*[.)]$/s, path);
});

test('the JSON Schema knows every option with its description and default, and nothing else', () => {
  const schema = configJsonSchema(withFeatures);
  assert.equal(schema['additionalProperties'], false);
  const bytes = schemaAt(schema, 'limits.stanza.bytes');
  assert.equal(bytes['type'], 'integer');
  assert.equal(bytes['default'], 262_144);
  assert.match(String(bytes['description']), /bytes/);
  assert.deepEqual(schemaAt(schema, 'log.level')['enum'], ['trace', 'debug', 'info', 'warn', 'error', 'silent']);
  assert.ok('$schema' in Object(schema['properties']));
});

test('every object of the JSON Schema is closed', () => {
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if ('properties' in value && 'type' in value)
      assert.equal(Object(value).additionalProperties, false, JSON.stringify(value));
    Object.values(value).forEach(visit);
  };
  visit(configJsonSchema(withFeatures));
});

test('a feature is a boolean or its options in the JSON Schema', () => {
  const mam = schemaAt(configJsonSchema(withFeatures), 'features.mam');
  assert.ok(Array.isArray(mam['anyOf']));
  assert.deepEqual(mam['anyOf'][0], { type: 'boolean' });
  assert.equal(schemaAt(mam['anyOf'][1], 'maxPage')['default'], 50);
});

test('the features of a host are as those of all hosts in the JSON Schema', () => {
  const { properties } = Object(Object(schemaAt(configJsonSchema(withFeatures), 'hosts'))['additionalProperties']);
  assert.deepEqual(Object(properties)['features']['allOf'], [{ $ref: '#/properties/features' }]);
});

test('what is off unless configured is said to be', () => {
  const schema = configJsonSchema(withFeatures);
  assert.equal(schemaAt(schema, 'features.mam')['default'], true);
  for (const name of ['polls', 'bare']) {
    const { default: value, description } = Object(schemaAt(schema, `features.${name}`));
    assert.equal(value, false);
    assert.match(description, /Off unless configured\.$/);
  }
  const page = configReference(withFeatures);
  assert.match(page, /Questions to all\. Off unless configured\./);
  assert.doesNotMatch(page, /Message archives\. Off/);
  assert.match(page, /\[`bare`\]\(#features\.bare\) \| true or false \| `false` \| restart \|/);
});

test('what is off unless configured may have a configuration for that it is not', () => {
  const answers = option(integer(1, 9), { default: 3, doc: 'How many answers.', reload: 'live' });
  const sections = {
    polls: optIn(section('Questions to all.', { answers }), { answers: 1 }),
    bare: optIn(section('Has no options.', {})),
  };
  const featuresOf = (features: object) =>
    loadConfig('/config.json', { sections, readFile: () => JSON.stringify({ features }) }).config.features;
  assert.deepEqual(featuresOf({}), { polls: { answers: 1 }, bare: false });
  assert.deepEqual(featuresOf({ polls: true, bare: true }), { polls: { answers: 3 }, bare: {} });
  assert.deepEqual(featuresOf({ polls: false }), { polls: false, bare: false });
});

test('the reference page has an anchored row for every option', () => {
  const page = configReference(withFeatures);
  for (const { path } of optionsOf(withFeatures)) {
    assert.ok(page.includes(`<a id="${path.replace('*', 'name')}"></a>`), `no anchor for ${path}`);
  }
  assert.match(
    page,
    /\[`maxPage`\]\(#features\.mam\.maxPage\) \| an integer from 1 to 500 \| `50` \| live \| The largest page \\\| slice\. \|/,
  );
  assert.match(page, /\[`ping`\]\(#features\.ping\) \| true or false \| `true` \| restart \|/);
  assert.match(page, /\[`features`\]\(#hosts\.name\.features\) \| an object as \[`features`\]\(#features\) \| `{}` \|/);
});

test('every link of the reference page has its anchor', () => {
  const page = configReference(withFeatures);
  for (const [, anchor = ''] of page.matchAll(/\]\(#([^)]+)\)/g)) assert.ok(page.includes(`id="${anchor}"`), anchor);
  const ids = [...page.matchAll(/id="([^"]+)"/g)].map((match) => match[1]);
  assert.equal(new Set(ids).size, ids.length, 'an anchor is there twice');
});

test('the type of the configuration follows from its definition', () => {
  const typed = section('Typed.', {
    level: option(oneOf('low', 'high'), { default: 'low', doc: 'A level.', reload: 'live' }),
  });
  // @ts-expect-error a default must be one of the accepted values
  option(oneOf('low', 'high'), { default: 'middle', doc: 'A level.', reload: 'live' });
  assert.equal(typed.entries.level.default, 'low');
});
