import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { GeoDatabase } from '../../../src/features/monthly-visitors/geo-database.ts';
import { monthlyVisitors } from '../../../src/features/monthly-visitors/index.ts';
import { city, mmdb } from '../../support/mmdb.ts';
import { Stage } from '../../support/stage.ts';
import { FRANKFURT, makeDatabase, makeFile, openVisitors, PARIS } from './scene.ts';

const HERE = { '192.0.2.0/24': city('DE', 'HE', 2_925_533) };
const DAY_MS = 86_400_000;

/** Waits for something that happens in the thread pool. */
async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setImmediate(resolve));
}

test('a file that is missing or none of that kind stops the counting and nothing else, and is told', async (t) => {
  const files = [
    '/nowhere/city.mmdb',
    await makeFile(t, Buffer.alloc(0)),
    await makeFile(t, Buffer.from('no database')),
    await makeFile(t, Buffer.alloc(100_000, 0xff)),
    await makeFile(t, gzipSync(mmdb(HERE))),
  ];
  for (const mmdbPath of files) {
    const { stage, visit, counts } = await openVisitors(t, { mmdbPath });
    const [record] = stage.log.records.filter(({ event }) => event === 'visitors.no-database');
    assert.equal(record?.level, 'error');
    assert.deepEqual([record?.fields['path'], record?.fields['isCounting']], [mmdbPath, false]);
    await visit('romeo');
    assert.deepEqual(await counts(), {});
  }
});

test('commands that work on the store alone read no file', async (t) => {
  const { stage } = await openVisitors(t, { mmdbPath: '/nowhere/city.mmdb' }, { isOffline: true });
  assert.ok(!stage.log.records.some(({ event }) => event.startsWith('visitors.')));
});

test('without a file visitors count as being nowhere', async (t) => {
  const { stage, visit, counts } = await openVisitors(t, { mmdbPath: undefined });
  await visit('romeo');
  assert.deepEqual(await counts(), { 'client-?': 1, 'geo-?-?-?': 1 });
  assert.ok(!stage.log.records.some(({ event }) => event.startsWith('visitors.')));
});

test('a country without a file that tells countries is warned of, because nobody will count', async (t) => {
  const { stage, visit, visitors } = await openVisitors(t, { mmdbPath: undefined, recordCountry: 'de' });
  const warned = () => stage.log.records.filter(({ event }) => event === 'visitors.country-unknown');
  assert.deepEqual(
    warned().map(({ level, fields }) => [level, fields['recordCountry']]),
    [['warn', 'de']],
  );
  await visit('romeo', FRANKFURT);
  assert.equal((await visitors.counts(visitors.month)).total, 0);
  stage.reload({ features: { monthlyVisitors: { mmdbPath: await makeDatabase(t), recordCountry: 'de' } } });
  assert.equal(warned().length, 1);
});

test('a reload reads the file again; one that cannot be read does not take the place of the one that is used', async (t) => {
  const mmdbPath = await makeFile(t, Buffer.from('not yet'));
  const { stage, clock, visit, counts } = await openVisitors(t, { mmdbPath });
  const config = { features: { monthlyVisitors: { mmdbPath } } };
  const told = () => stage.log.records.filter(({ event }) => event === 'visitors.no-database').length;
  await writeFile(mmdbPath, mmdb(HERE));
  stage.reload(config);
  await until(async () => {
    await visit('romeo');
    return Object.keys(await counts()).length > 0;
  });
  assert.deepEqual(await counts(), { 'client-?': 1, 'geo-DE-HE-2925533': 1 });
  await writeFile(mmdbPath, 'damaged');
  stage.reload(config);
  await until(() => told() === 2);
  assert.equal(stage.log.records.at(-1)?.fields['isCounting'], true);
  clock.jump(31 * DAY_MS);
  await visit('romeo');
  assert.deepEqual(await counts(), { 'client-?': 1, 'geo-DE-HE-2925533': 1 });
});

test('a reload changes patterns, country and time zone too', async (t) => {
  const { stage, visit, counts, visitors } = await openVisitors(t, { mmdbPath: undefined });
  stage.reload({
    features: {
      monthlyVisitors: { clientPatterns: [{ pattern: 'phone', category: 'PHONE' }], timezone: 'Pacific/Kiritimati' },
    },
  });
  await visit('romeo');
  assert.deepEqual(await counts(), { 'client-PHONE': 1, 'geo-?-?-?': 1 });
  stage.reload({ features: { monthlyVisitors: { recordCountry: 'FR', minCell: 7, exportGeo: true } } });
  await visit('juliet', PARIS);
  assert.deepEqual(await counts(), { 'client-PHONE': 1, 'geo-?-?-?': 1 });
  assert.deepEqual([visitors.minCell, visitors.exportGeo], [7, true]);
});

test('a file without IPv6 networks does not know where IPv6 addresses are', async (t) => {
  const database = await GeoDatabase.open(await makeFile(t, mmdb(HERE, 4)));
  assert.equal(database.placeOf(FRANKFURT).country, 'DE');
  assert.equal(database.placeOf(`::ffff:${FRANKFURT}`).country, 'DE');
  // Its first bits are those of the IPv4 network.
  assert.equal(database.placeOf('c000:200::1').country, '?');
});

test('what does not look like a code is not known', async (t) => {
  const odd = {
    '192.0.2.0/25': { country: { iso_code: 'D-E' }, subdivisions: [], city: { geoname_id: 'x' } },
    '192.0.2.128/25': { country: 'DE', subdivisions: 'HE', city: 5 },
    '198.51.100.0/24': 'a text',
    '203.0.113.0/24': { autonomous_system_number: 64_496 },
  };
  const database = await GeoDatabase.open(await makeFile(t, mmdb(odd)));
  for (const address of ['192.0.2.1', '192.0.2.200', '198.51.100.1', '203.0.113.1']) {
    assert.deepEqual(database.placeOf(address), { country: '?', subdivision: '?', city: '?' }, address);
  }
});

test('a damaged file leads nowhere and is told once', async (t) => {
  const whole = mmdb(HERE);
  // The records of the tree lead behind the end.
  const damaged = Buffer.from(whole);
  damaged.fill(0xfe, 0, 96 * 6);
  const { stage, visit, counts } = await openVisitors(t, { mmdbPath: await makeFile(t, damaged) });
  for (const local of ['romeo', 'juliet']) await visit(local);
  assert.deepEqual(await counts(), { 'client-?': 2, 'geo-?-?-?': 2 });
  assert.equal(stage.log.records.filter(({ event }) => event === 'visitors.database-damaged').length, 1);
});

test('whatever bytes of a file are changed, an address is somewhere, nowhere, or the file is refused', async (t) => {
  const whole = mmdb({ ...HERE, '2001:db8::/32': city('FR', 'IDF', 2_988_507) });
  const changes = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(changes, async (bytes) => {
      const damaged = Buffer.from(whole);
      for (const [at, byte] of bytes) damaged[at] = byte;
      const file = await makeFile(t, damaged);
      try {
        const { country } = (await GeoDatabase.open(file)).placeOf(PARIS);
        assert.match(country, /^(?:[A-Z]{2}|\?)$/);
      } catch (error) {
        assert.ok(error instanceof Error && error.name !== 'AssertionError', String(error));
      }
    }),
    { numRuns: 100 },
  );
});

test('what is wrong with the options is a problem of the configuration', async (t) => {
  const wrong: readonly (readonly [options: object, expected: RegExp])[] = [
    [{ clientPatterns: [{ pattern: '(', category: 'X' }] }, /clientPatterns\[0\]\.pattern.*a regular expression/],
    [{ clientPatterns: [{ pattern: '(a+)+', category: 'X' }] }, /cannot take long/],
    [{ clientPatterns: [{ pattern: '%b()', category: 'X' }] }, /a regular expression/],
    [{ clientPatterns: [{ pattern: 'a'.repeat(257), category: 'X' }] }, /at most 256 characters/],
    [{ clientPatterns: [{ pattern: 'a', category: '?' }] }, /a name of letters/],
    [{ clientPatterns: { a: 'X' } }, /a list of patterns/],
    [{ recordCountry: 'DEU' }, /a country as two letters/],
    [{ timezone: 'Nowhere/Else' }, /a time zone/],
    [{ retentionMonths: 0 }, /an integer from 1/],
    [{ minCell: 0 }, /an integer from 1/],
  ];
  for (const [options, expected] of wrong) {
    const opened = Stage.open(t, { features: [monthlyVisitors], config: { features: { monthlyVisitors: options } } });
    await assert.rejects(opened, expected, JSON.stringify(options));
  }
});

test('a pattern of Lua is converted with a warning', async (t) => {
  const { stage, visit, counts } = await openVisitors(t, {
    clientPatterns: [{ pattern: '^Conversations%.%w+$', category: 'ANDROID' }],
  });
  const [record] = stage.log.records.filter(({ event }) => event === 'visitors.lua-pattern');
  assert.equal(record?.level, 'warn');
  assert.equal(record?.fields['read'], '^Conversations\\.[A-Za-z0-9]+$');
  await visit('romeo', FRANKFURT, 'Conversations.x8');
  assert.equal((await counts())['client-ANDROID'], 1);
});
