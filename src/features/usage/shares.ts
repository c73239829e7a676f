import { type Cell, OTHERS, type Shares } from './api.ts';

/**
 * Returns counts by name, the largest first. Those below `minCell` are put together as others; so that these are not told from
 * the total either, the smallest of the rest joins them while together they are fewer than that. `hidden` are others to begin with.
 */
export function sharesOf(cells: Iterable<Cell>, minCell: number, hidden = 0): Shares {
  const sorted = [...cells].sort((a, b) => b.count - a.count || (a.name < b.name ? -1 : 1));
  const shown = sorted.filter(({ count }) => count >= minCell);
  let others = hidden + sum(sorted) - sum(shown);
  while (others > 0 && others < minCell && shown.length > 0) others += shown.pop()?.count ?? 0;
  return others === 0 ? shown : [...shown, { name: OTHERS, count: others }];
}

/**
 * The same for cells within those of `outer`, by the names of these, where both are shown: only what is within a cell that is
 * shown, and as much of each that the rest of it is not too small either. Else one could be taken from the other.
 */
export function innerShares(outer: Shares, inner: ReadonlyMap<string, readonly Cell[]>, minCell: number): Shares {
  const shown = outer
    .flatMap(({ name }) => sharesOf(inner.get(name) ?? [], minCell))
    .filter(({ name }) => name !== OTHERS);
  return sharesOf(shown, minCell, sum(outer) - sum(shown));
}

/** Adds up what has the same name. */
export function summedUp(cells: Iterable<Cell>): Cell[] {
  const counts = new Map<string, number>();
  for (const { name, count } of cells) counts.set(name, (counts.get(name) ?? 0) + count);
  return [...counts].map(([name, count]) => ({ name, count }));
}

function sum(cells: readonly Cell[]): number {
  return cells.reduce((total, { count }) => total + count, 0);
}
