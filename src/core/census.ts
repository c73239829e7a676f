import type { Account } from './account.ts';
import { Traffic } from './traffic.ts';

/** What the live accounts of a host amount to at one moment. */
export interface Census {
  /** Accounts in memory, with or without sessions. */
  readonly accounts: number;
  /** Users with a session. */
  readonly users: number;
  readonly connected: number;
  readonly hibernating: number;
  /** What waits in outboxes or is not acknowledged: in all, and of the session that has the most. */
  readonly outboxStanzas: number;
  readonly outboxBytes: number;
  readonly longestOutbox: number;
  /** What waits in the lanes of accounts: in all, and of the account that has the most. */
  readonly laneItems: number;
  readonly longestLane: number;
  /** What the live sessions have sent and were sent. */
  readonly traffic: Traffic;
}

/** Counts in one pass over the live accounts. */
export function takeCensus(accounts: Iterable<Account>): Census {
  const traffic = new Traffic();
  const counts = { accounts: 0, users: 0, connected: 0, hibernating: 0 };
  const queues = { outboxStanzas: 0, outboxBytes: 0, longestOutbox: 0, laneItems: 0, longestLane: 0 };
  for (const { sessions, lane } of accounts) {
    counts.accounts++;
    queues.laneItems += lane.length;
    queues.longestLane = Math.max(queues.longestLane, lane.length);
    if (sessions.size > 0) counts.users++;
    for (const session of sessions.values()) {
      if (session.isHibernating) counts.hibernating++;
      else counts.connected++;
      traffic.add(session.traffic);
      const { outbox } = session;
      if (outbox === undefined) continue;
      queues.outboxStanzas += outbox.length;
      queues.outboxBytes += outbox.bytes;
      queues.longestOutbox = Math.max(queues.longestOutbox, outbox.length);
    }
  }
  return { ...counts, ...queues, traffic };
}
