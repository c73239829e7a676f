/** How many are worked on at the same time, so that their commits are one and neither disk nor memory is flooded. */
const AT_ONCE = 20;

/** Runs `act` on each of `items`, a few at the same time, until so many are done; returns how many that were. */
export async function inGroups<T>(
  items: AsyncIterable<T>,
  act: (item: T) => Promise<void>,
  most: number = Number.POSITIVE_INFINITY,
): Promise<number> {
  let done = 0;
  let group: T[] = [];
  const finish = async (): Promise<void> => {
    await Promise.all(group.map(act));
    done += group.length;
    group = [];
  };
  for await (const item of items) {
    group.push(item);
    if (group.length < AT_ONCE) continue;
    await finish();
    if (done >= most) break;
  }
  await finish();
  return done;
}
