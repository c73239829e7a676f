import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type Cell, OTHERS, type Shares } from '../../../src/features/usage/api.ts';
import { visitorFigures } from '../../../src/features/usage/figures.ts';
import { sharesOf, summedUp } from '../../../src/features/usage/shares.ts';

function cells(counts: Readonly<Record<string, number>>): Cell[] {
  return Object.entries(counts).map(([name, count]) => ({ name, count }));
}

function asObject(shares: Shares): Record<string, number> {
  return Object.fromEntries(shares.map(({ name, count }) => [name, count]));
}

test('counts are shown with the largest first, those of one size by name', () => {
  const shares = sharesOf(cells({ FR: 2, DE: 5, '?': 2 }), 1);
  assert.deepEqual(
    shares.map(({ name }) => name),
    ['DE', '?', 'FR'],
  );
});

test('counts below the threshold are put together', () => {
  assert.deepEqual(asObject(sharesOf(cells({ DE: 20, FR: 3, IT: 4, CN: 5 }), 5)), { DE: 20, CN: 5, [OTHERS]: 7 });
});

test('a small count that would be alone is not told from the total', () => {
  assert.deepEqual(asObject(sharesOf(cells({ DE: 20, FR: 3, CN: 6 }), 5)), { DE: 20, [OTHERS]: 9 });
  assert.deepEqual(asObject(sharesOf(cells({ DE: 20, FR: 1 }), 5)), { [OTHERS]: 21 });
  assert.deepEqual(asObject(sharesOf(cells({ FR: 1 }), 5)), { [OTHERS]: 1 });
});

test('whatever the counts, their sum stays, and nothing below the threshold is shown beside others', () => {
  const counts = fc.dictionary(fc.string({ minLength: 1, maxLength: 3 }), fc.integer({ min: 1, max: 30 }));
  fc.assert(
    fc.property(counts, fc.integer({ min: 1, max: 12 }), (given, minCell) => {
      const all = cells(given);
      const shares = sharesOf(all, minCell);
      const sum = (of: readonly Cell[]): number => of.reduce((total, { count }) => total + count, 0);
      assert.equal(sum(shares), sum(all));
      const isAlone = shares.length === 1;
      assert.ok(isAlone || shares.every(({ count }) => count >= minCell));
      const shown = shares.filter(({ name }) => name !== OTHERS);
      for (const { name, count } of shown) assert.equal(count, given[name]);
    }),
  );
});

test('counts of one name are added up', () => {
  const summed = summedUp([...cells({ DE: 1, FR: 2 }), ...cells({ DE: 3 })]);
  assert.deepEqual(asObject(summed), { DE: 4, FR: 2 });
});

/** The figures of a month by the counts of places, such as `DE-HE-1`. */
function figuresOf(counts: Readonly<Record<string, number>>, minCell: number) {
  const places = cells(counts).map(({ name, count }) => {
    const [country = '?', subdivision = '?', city = '?'] = name.split('-');
    return { country, subdivision, city, count };
  });
  const total = places.reduce((sum, { count }) => sum + count, 0);
  return visitorFigures({ month: '2026-01', total, places, clients: [] }, minCell);
}

test('what is too small to be shown of a country is not told by taking its places from its number', () => {
  const { countries, places } = figuresOf({ 'DE-HE-1': 6, 'DE-BY-2': 4, 'FR-A-3': 3, 'IT-B-4': 3 }, 5);
  assert.deepEqual(asObject(countries), { DE: 10, [OTHERS]: 6 });
  assert.deepEqual(asObject(places), { [OTHERS]: 16 });
});

test('no place is shown of a country that is not', () => {
  const { countries, places } = figuresOf({ 'DE-HE-1': 14, 'DE-BY-2': 6, 'AT-9-3': 6, 'FR-A-4': 1 }, 5);
  assert.deepEqual(asObject(countries), { DE: 20, [OTHERS]: 7 });
  assert.deepEqual(asObject(places), { 'DE-HE-1': 14, 'DE-BY-2': 6, [OTHERS]: 7 });
});

test('whatever the places, nothing below the threshold is told by any of the numbers together', () => {
  const names = fc.tuple(fc.constantFrom('AT', 'DE', 'FR', '?'), fc.constantFrom('A', 'B', 'C', 'D'));
  const counts = fc.dictionary(
    names.map(([country, city]) => `${country}-X-${city}`),
    fc.integer({ min: 1, max: 20 }),
  );
  fc.assert(
    fc.property(counts, fc.integer({ min: 1, max: 12 }), (given, minCell) => {
      const { countries, places, total } = figuresOf(given, minCell);
      const shown = places.filter(({ name }) => name !== OTHERS);
      assert.equal(summedUp(places.map(({ count }) => ({ name: '', count })))[0]?.count ?? 0, total);
      for (const { name: country, count } of countries) {
        const own = shown.filter(({ name }) => name.startsWith(`${country}-`));
        const rest = own.reduce((left, cell) => left - cell.count, count);
        assert.ok(rest === 0 || rest >= minCell || countries.length === 1, `${country}: ${rest}`);
      }
      const isShown = ({ name }: Cell): boolean => countries.some((country) => name.startsWith(`${country.name}-`));
      assert.ok(shown.every(isShown));
    }),
  );
});
