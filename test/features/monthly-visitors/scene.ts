import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { visitors as service, type VisitorCounts } from '../../../src/features/monthly-visitors/api.ts';
import { monthlyVisitors } from '../../../src/features/monthly-visitors/index.ts';
import { JumpingClock } from '../../support/jumping-clock.ts';
import { city, mmdb } from '../../support/mmdb.ts';
import { PASSWORD, Stage, type StageOptions } from '../../support/stage.ts';

/** Addresses of the networks for documentation, where the database of the tests has them. RFC 5737, RFC 3849. */
export const FRANKFURT = '192.0.2.7';
export const SOMEWHERE_IN_CHINA = '198.51.100.1';
export const PARIS = '2001:db8::7';
export const UNLISTED = '203.0.113.1';

const NETWORKS = {
  '192.0.2.0/24': city('DE', 'HE', 2_925_533),
  '198.51.100.0/24': city('CN'),
  '2001:db8::/32': city('FR', 'IDF', 2_988_507),
  // Nobody's addresses, whatever a database says.
  '10.0.0.0/8': city('DE', 'HE', 2_925_533),
};

/** Writes a file into a folder of its own, and returns its path. */
export async function makeFile(t: TestContext, content: Buffer): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'parley-visitors-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = join(folder, 'city.mmdb');
  await writeFile(file, content);
  return file;
}

/** A database of where the addresses above are. */
export function makeDatabase(t: TestContext): Promise<string> {
  return makeFile(t, mmdb(NETWORKS));
}

/** A stage that counts visitors, with the database unless `options` say otherwise. */
export async function openVisitors(
  t: TestContext,
  options: Readonly<Record<string, unknown>> = {},
  more: Partial<StageOptions> = {},
) {
  const mmdbPath = 'mmdbPath' in options ? options['mmdbPath'] : await makeDatabase(t);
  const monthly = { ...options, ...(mmdbPath === undefined ? { mmdbPath: undefined } : { mmdbPath }) };
  const config = { ...more.config, features: { monthlyVisitors: monthly } };
  const clock = new JumpingClock();
  const stage = await Stage.open(t, { features: [monthlyVisitors], clock, ...more, config });
  const visitors = stage.host.services.use(service);

  /** Lets a user come with a client, from somewhere, and leave. */
  const visit = async (local: string, address = FRANKFURT, resource = 'phone'): Promise<void> => {
    if (!(await stage.host.users.exists(local))) await stage.host.users.create(local, PASSWORD);
    const client = stage.connect(local, { address });
    await client.logIn(local, PASSWORD);
    await client.bind(resource);
    await stage.clock.advance(0);
    client.transport.break();
    await stage.clock.advance(0);
  };

  /** The counts as they are stored, with the names that the specification gives them. */
  const counts = async (month = visitors.month): Promise<Record<string, number>> =>
    asStored(await visitors.counts(month));

  return { stage, clock, visitors, visit, counts };
}

function asStored({ places, clients }: VisitorCounts): Record<string, number> {
  return Object.fromEntries([
    ...places.map(({ country, subdivision, city: id, count }) => [`geo-${country}-${subdivision}-${id}`, count]),
    ...clients.map(({ category, count }) => [`client-${category}`, count]),
  ]);
}
