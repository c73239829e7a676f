/** How many are worked on at the same time, so that their commits are one and neither disk nor memory is flooded. */
const AT_ONCE = 20;

/**
 * Runs `act` on each of `items`, a few at the same time, until so many are done; returns how many that were. Where it fails
 * for some, it is done for the others before the first failure is thrown.
 */
export async function inGroups<T>(
  items: AsyncIterable<T>,
  act: (item: T) => Promise<void>,
  most: number = Number.POSITIVE_INFINITY,
): Promise<number> {
  let done = 0;
  let group: T[] = [];
  let failure: PromiseRejectedResult | undefined;
  const finish = async (): Promise<void> => {
    const outcomes = await Promise.allSettled(group.map(act));
    failure ??= outcomes.find((outcome) => outcome.status === 'rejected');
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
  if (failure !== undefined) throw failure.reason;
  return done;
}
