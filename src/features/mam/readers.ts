import type { FeatureHost } from '../../core/feature.ts';
import type { Session } from '../../core/session.ts';
import type { Slot } from '../../core/slots.ts';
import type { JID } from '../../jid.ts';
import type { Table, TableSpec } from '../../store/store.ts';
import { storedNumber, storedObject } from '../shared/stored.ts';

const DAY_MS = 86_400_000;
/** So many clients of an account are remembered; those that have not read for the longest time are forgotten. */
const REMEMBERED = 50;

/** On which day, since the epoch, each client has read the archive of an account for the last time. */
type ReadingDays = Readonly<Record<string, number>>;

const READERS: TableSpec<ReadingDays> = {
  name: 'mam.readers',
  parse: (json) =>
    Object.fromEntries(Object.entries(storedObject(json)).map(([client, day]) => [client, storedNumber(day)])),
};

/** Knows which clients read the archive: they need not be told of what is in it by any other way. */
export class Readers {
  readonly #host: FeatureHost;
  readonly #table: Table<ReadingDays>;
  readonly #isReader: Slot<Session, boolean>;

  constructor(host: FeatureHost) {
    this.#host = host;
    this.#table = host.table(READERS);
    this.#isReader = host.sessionSlot(() => false);
  }

  /** The client of a session reads the archive: in this session, and it will in its next. */
  async remember(session: Session): Promise<void> {
    if (this.#isReader.of(session)) return;
    this.#isReader.set(session, true);
    const { domain, local } = session.jid;
    const today = Math.floor(this.#host.clock.now() / DAY_MS);
    const known = await this.#table.get(domain, local);
    // The account may have been removed meanwhile.
    if (session.hasEnded || known?.[nameOf(session)] === today) return;
    const isKept = this.#table.update([domain, local], (old = {}) => latest({ ...old, [nameOf(session)]: today }));
    // Without it the client has some messages twice, one day: no reason to keep from it what there is to read.
    await isKept.catch(() => {});
  }

  /** The client of a session reads the archive in this session. */
  expect(session: Session): void {
    this.#isReader.set(session, true);
  }

  async has(session: Session): Promise<boolean> {
    if (this.#isReader.of(session)) return true;
    const known = await this.#table.get(session.jid.domain, session.jid.local);
    return known !== undefined && Object.hasOwn(known, nameOf(session));
  }

  /** The account is gone; resolves when durable. */
  remove({ domain, local }: JID): Promise<void> {
    return this.#table.delete([domain, local]);
  }
}

// An installation, as far as it says which one it is; otherwise the resource, which many clients keep.
function nameOf({ login, jid }: Session): string {
  return login?.clientId === undefined ? `r:${jid.resource}` : `c:${login.clientId}`;
}

function latest(days: ReadingDays): ReadingDays {
  const entries = Object.entries(days);
  if (entries.length <= REMEMBERED) return days;
  return Object.fromEntries(entries.sort(([, a], [, b]) => b - a).slice(0, REMEMBERED));
}
