import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Requirement, Suite } from '../../tools/compliance.ts';
import { complianceProblems, complianceSection, testNames } from '../../tools/compliance-page.ts';
import type { Claim } from '../../tools/protocols.ts';

const FILE = 'test/features/ping.test.ts';
const PING: Requirement = {
  feature: 'Ping',
  level: 'Core',
  providers: [{ xep: 199 }],
  support: 'yes',
  proof: { [FILE]: ['it answers'] },
};
const CLAIMS: readonly Claim[] = [
  { spec: { xep: 199, version: '2.0.1' }, feature: 'ping' },
  { spec: { rfc: 6120 }, feature: undefined },
];

function suiteOf(...servers: Requirement[]): Suite[] {
  return [{ name: 'Core', servers, clientsOnly: ['Pong', 'Pang'] }];
}

function problemsOf(requirement: Partial<Requirement>): string[] {
  const names = (file: string) => (file === FILE ? new Set(['it answers']) : undefined);
  return complianceProblems(suiteOf({ ...PING, ...requirement }), CLAIMS, names);
}

test('a feature that is implemented and has its test is in order', () => {
  assert.deepEqual(problemsOf({}), []);
  assert.deepEqual(problemsOf({ providers: [{ rfc: 6120 }, { xep: 199 }] }), []);
  assert.deepEqual(problemsOf({ providers: [{ xep: 199 }, { xep: 206 }], support: 'partly', note: 'No BOSH.' }), []);
});

for (const [what, requirement, problem] of [
  ['a test that is not there', { proof: { [FILE]: ['it asks'] } }, `${FILE} has no test "it asks"`],
  ['a file that is not there', { proof: { 'test/a.test.ts': ['a'] } }, 'there is no test/a.test.ts'],
  ['a file without the name of a test', { proof: { [FILE]: [] } }, `no test of ${FILE} is named`],
  ['no test at all', { proof: {} }, 'no test proves it'],
  ['a specification that no code names', { providers: [{ xep: 199 }, { xep: 206 }] }, 'no code implements XEP 206'],
  ['an RFC that no code names', { providers: [{ rfc: 7395 }] }, 'no code implements RFC 7395'],
  [
    'a part of what is not there at all',
    { providers: [{ xep: 206 }], support: 'partly', note: 'No BOSH.' },
    'no code implements any of it',
  ],
  ['a part that does not say what is missing', { support: 'partly' }, 'the note does not say what is missing'],
  ['what was implemented meanwhile', { support: 'not yet' }, 'it is implemented'],
] as const satisfies readonly (readonly [string, Partial<Requirement>, string])[]) {
  test(`this is told: ${what}`, () => {
    assert.deepEqual(problemsOf(requirement), [`tools/compliance.ts, Core, Ping: ${problem}`]);
  });
}

test('names of tests and of groups are read, however they are quoted and broken', () => {
  const source = `
describe('a group', () => {
  test("nobody's", async () => {});
  await t.test(
    'broken into lines',
    () => {});
});
for (const [a, b] of all) test('not at the beginning', () => {});
  test(\`\${a} or \${b.join('')} comes\`, { skip }, () => {});
// test('out of use', () => {});
test.skip('left out', () => {});
assert.equal(test, 'no call');
`;
  assert.deepEqual([...testNames(source)], ['a group', "nobody's", 'broken into lines', '… or … comes']);
});

test('the section counts what is fulfilled, links the tests and tells what is of clients alone', () => {
  const advanced: Requirement = { feature: 'BOSH', level: 'Advanced', providers: [{ xep: 206 }], support: 'not yet' };
  const marked: Requirement = { ...PING, note: 'a note', proof: { [FILE]: ['<a/> | b', 'it answers'] } };
  const lines = complianceSection(suiteOf(marked, advanced)).split('\n');
  const url = 'https://xmpp.org/extensions';
  for (const line of [
    'Left out are the 2 features that are asked of clients alone: Pong, Pang.',
    '| Core | 1 of 1 | 1 of 2 |',
    `| Ping | Core | XEP-[0199](${url}/xep-0199.html) | yes: a note | [${FILE}](../${FILE}):<br>&lt;a/> \\| b<br>it answers |`,
    `| BOSH | Advanced | XEP-[0206](${url}/xep-0206.html) | not yet |  |`,
  ]) {
    assert.ok(lines.includes(line), line);
  }
});
