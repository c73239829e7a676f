import type { VisitorCounts } from '../monthly-visitors/api.ts';
import type { Cell, VisitorFigures } from './api.ts';
import { innerShares, sharesOf, summedUp } from './shares.ts';

/** Returns the visitors of a month as they may be shown: with counts below `minCell` put together. */
export function visitorFigures({ month, total, places, clients }: VisitorCounts, minCell: number): VisitorFigures {
  const byCountry = places.map(({ country, count }) => ({ name: country, count }));
  const byClient = clients.map(({ category, count }) => ({ name: category, count }));
  const countries = sharesOf(summedUp(byCountry), minCell);
  return {
    month,
    total,
    countries,
    places: innerShares(countries, placesByCountry(places), minCell),
    clients: sharesOf(byClient, minCell),
  };
}

function placesByCountry(places: VisitorCounts['places']): ReadonlyMap<string, readonly Cell[]> {
  const found = new Map<string, Cell[]>();
  for (const { country, subdivision, city, count } of places) {
    const cells = found.get(country) ?? [];
    cells.push({ name: `${country}-${subdivision}-${city}`, count });
    found.set(country, cells);
  }
  return found;
}
