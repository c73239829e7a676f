import type { VisitorCounts } from '../monthly-visitors/api.ts';
import type { VisitorFigures } from './api.ts';
import { sharesOf, summedUp } from './shares.ts';

/** Returns the visitors of a month as they may be shown: with counts below `minCell` put together. */
export function visitorFigures({ month, total, places, clients }: VisitorCounts, minCell: number): VisitorFigures {
  const byCountry = places.map(({ country, count }) => ({ name: country, count }));
  const byPlace = places.map(({ country, subdivision, city, count }) => ({
    name: `${country}-${subdivision}-${city}`,
    count,
  }));
  const byClient = clients.map(({ category, count }) => ({ name: category, count }));
  return {
    month,
    total,
    countries: sharesOf(summedUp(byCountry), minCell),
    places: sharesOf(byPlace, minCell),
    clients: sharesOf(byClient, minCell),
  };
}
