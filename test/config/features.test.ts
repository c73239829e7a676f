import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Config, featuresOf } from '../../src/config/config.ts';
import { integer, oneOf } from '../../src/config/kinds.ts';
import { loadConfig } from '../../src/config/load.ts';
import { ConfigError, type ConfigProblem } from '../../src/config/problem.ts';
import { optIn, option, section } from '../../src/config/schema.ts';

const delegatedRoster = section('Contacts that somebody else owns.', {
  source: option(oneOf('http', 'groups'), { default: 'http', doc: 'Who owns them.', reload: 'restart' }),
});
const mam = section('Archives.', {
  maxPage: option(integer(1, 500), { default: 50, doc: 'The largest page.', reload: 'live' }),
  page: option(integer(1, 500), { default: 20, doc: 'A page.', reload: 'live' }),
});
const sections = {
  roster: undefined,
  delegatedRoster: optIn(delegatedRoster),
  groups: undefined,
  presence: undefined,
  mam,
};

function load(value: unknown): Config {
  return loadConfig('/etc/parley.json', { sections, readFile: () => JSON.stringify(value) }).config;
}

function problemsOf(value: unknown): readonly ConfigProblem[] {
  try {
    load(value);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return error.problems;
  }
  return [];
}

function hostsWith(own: unknown, features: unknown = {}): unknown {
  return { hosts: { 'a.example': { features: own }, 'b.example': {} }, features };
}

test('a feature of a host takes the place of that of all hosts, with all its options', () => {
  const config = load(hostsWith({ mam: { page: 5 } }, { mam: { maxPage: 100 } }));
  assert.deepEqual(featuresOf(config, 'a.example')['mam'], { maxPage: 50, page: 5 });
  assert.deepEqual(featuresOf(config, 'b.example')['mam'], { maxPage: 100, page: 20 });
});

test('a host has features of its own that are on or off, and the others as all hosts have them', () => {
  const config = load(hostsWith({ mam: false, delegatedRoster: true, roster: false }, { groups: false }));
  assert.deepEqual(featuresOf(config, 'a.example'), {
    roster: false,
    delegatedRoster: { source: 'http' },
    groups: false,
    presence: {},
    mam: false,
  });
  assert.deepEqual(featuresOf(config, 'b.example'), { ...load({}).features, groups: false });
  assert.equal(load({}).features['delegatedRoster'], false);
});

test('what is wrong with a feature of a host is told with its path', () => {
  assert.deepEqual(
    problemsOf(hostsWith({ mam: { maxPage: 0, pge: 1 }, presence: 3, mom: {} })).map(({ path, suggestion }) => [
      path,
      suggestion,
    ]),
    [
      ['hosts["a.example"].features.presence', undefined],
      ['hosts["a.example"].features.mam.maxPage', undefined],
      ['hosts["a.example"].features.mam.pge', 'page'],
      ['hosts["a.example"].features.mom', 'mam'],
    ],
  );
  assert.deepEqual(
    problemsOf(hostsWith([])).map(({ path }) => path),
    ['hosts["a.example"].features'],
  );
});

test('contacts kept here and delegated ones together are a problem, told once for all hosts or for the one', () => {
  const [everywhere, ...rest] = problemsOf(hostsWith({}, { delegatedRoster: {} }));
  assert.equal(everywhere?.path, 'features');
  assert.match(String(everywhere?.expected), /^one of roster and delegatedRoster to be false, since contacts are /);
  assert.deepEqual(rest, []);
  assert.deepEqual(
    problemsOf(hostsWith({ delegatedRoster: {} })).map(({ path }) => path),
    ['hosts["a.example"].features'],
  );
  assert.deepEqual(
    problemsOf(hostsWith({ roster: {} }, { roster: false, delegatedRoster: {} })).map(({ path }) => path),
    ['hosts["a.example"].features'],
  );
  assert.deepEqual(problemsOf(hostsWith({ delegatedRoster: {}, roster: false })), []);
});

test('presence and archives without any roster are problems', () => {
  for (const [name, other] of [
    ['presence', 'mam'],
    ['mam', 'presence'],
  ]) {
    const [problem, ...rest] = problemsOf({ features: { roster: false, [`${other}`]: false } });
    assert.equal(problem?.path, 'features');
    assert.match(
      String(problem?.expected),
      new RegExp(`^roster or delegatedRoster to be on, or ${name} to be false, `),
    );
    assert.deepEqual(rest, []);
  }
  assert.equal(problemsOf({ features: { roster: false } }).length, 2);
  assert.deepEqual(problemsOf({ features: { roster: false, presence: false, mam: false } }), []);
  assert.deepEqual(problemsOf({ features: { roster: false, delegatedRoster: {} } }), []);
});

test('contacts by groups without groups are a problem', () => {
  const features = { roster: false, delegatedRoster: { source: 'groups' } };
  assert.deepEqual(problemsOf({ features }), []);
  const [problem, ...rest] = problemsOf(hostsWith({ groups: false }, features));
  assert.equal(problem?.path, 'hosts["a.example"].features');
  assert.match(String(problem?.expected), /^groups to be on, since delegatedRoster\.source is "groups"$/);
  assert.deepEqual(rest, []);
  assert.deepEqual(problemsOf({ features: { ...features, delegatedRoster: {}, groups: false } }), []);
});
