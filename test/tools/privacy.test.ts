import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadConfig } from '../../src/config/load.ts';
import { featureSections } from '../../src/features/registry.ts';
import { extendedReportOf, reportOf, stanzaCounts } from '../../src/features/system-report/collect.ts';
import { HTTP_HANDLERS, MODULES } from '../../src/features/system-report/known.ts';
import { projectFile } from '../support/project.ts';

const PAGE = readFileSync(projectFile('docs/privacy.md'), 'utf8');

/** Where a table or journal of the store is named: in its specification, or where it is opened. */
const NAMED = [
  /(?:Table|Journal)Spec<[^=]*=\s*\{[^}]*?\bname: '([^']+)'/g,
  /\.(?:table|journal)(?:<[^>(]*>)?\(\{\s*name: '([^']+)'/g,
];
/** Whatever opens or specifies one, with or without a name that is understood. */
const SPECIFIED = /(?:Table|Journal)Spec<[^=;(){}]*=|\.(?:table|journal)(?:<[^>(]*>)?\(\{/g;

function sources(): { path: string; text: string }[] {
  const root = projectFile('src');
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path, text: readFileSync(path, 'utf8') }));
}

test('the privacy page has every table and journal of the store', () => {
  const names = new Set<string>();
  for (const { path, text } of sources()) {
    const found = NAMED.flatMap((pattern) => [...text.matchAll(pattern)].map(([, name = '']) => name));
    const specified = [...text.matchAll(SPECIFIED)].length;
    assert.equal(found.length, specified, `${path}: a table or journal has no name that this test finds`);
    for (const name of found) names.add(name);
  }
  assert.ok(names.size > 30, `only ${names.size} were found`);
  const missing = [...names].filter((name) => !PAGE.includes(`\`${name}\``));
  assert.deepEqual(missing, [], 'docs/privacy.md does not say what these are');
});

test('the privacy page has every field of the system report', () => {
  const features = { systemReport: { report: true } };
  const text = JSON.stringify({ features });
  const { config } = loadConfig('/etc/parley.json', { sections: featureSections, readFile: () => text });
  const samples = [{ suffix: '_total', labels: { host: 'localhost', kind: 'iq', direction: 'in' }, value: 1 }];
  const events = [
    ...reportOf({ config, version: '1.0.0', uptimeMs: 0 }),
    ...extendedReportOf(config, stanzaCounts(config, samples)),
  ];
  const fields = [
    ...events.flatMap(({ name, params }) => [name, ...Object.keys(params)]),
    ...Object.values(MODULES).flatMap((options) => Object.keys(options)),
    ...Object.keys(HTTP_HANDLERS),
  ];
  const missing = [...new Set(fields)].filter((field) => !PAGE.includes(`\`${field}\``));
  assert.deepEqual(missing, [], 'docs/privacy.md does not say what these are');
});
