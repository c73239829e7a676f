import type { Metrics } from '../metrics/metrics.ts';
import { type Census, takeCensus } from './census.ts';
import type { Host } from './host.ts';

/** Exports what a host counts: its sessions, their stanzas and their queues. Nothing is counted unless somebody asks. */
export function exportHost(host: Host, all: Metrics): () => void {
  const metrics = all.labelled({ host: host.domain });
  let census: Census = takeCensus([]);
  const gauge = (name: string, help: string, of: (now: Census) => number): (() => void) =>
    metrics.measured({ name, help }, (put) => put({}, of(census)));
  const undo = [
    metrics.onCollect(() => {
      census = takeCensus(host.accounts.values());
      // At once, so that no session that ends meanwhile is counted twice.
      census.traffic.add(host.sessions.endedTraffic);
    }),
    metrics.measured(
      { name: 'sessions', help: 'Sessions, by whether they have a stream', labels: ['state'] },
      (put) => {
        put({ state: 'connected' }, census.connected);
        put({ state: 'hibernating' }, census.hibernating);
      },
    ),
    gauge('users_online', 'Users with a session', ({ users }) => users),
    gauge('accounts_in_memory', 'Accounts that are in memory, with or without sessions', ({ accounts }) => accounts),
    gauge('outbox_stanzas', 'Stanzas that wait for clients or are not acknowledged', (now) => now.outboxStanzas),
    gauge('outbox_stanzas_max', 'The same, of the session with the most', (now) => now.longestOutbox),
    gauge('outbox_bytes', 'The size of those stanzas, in characters', (now) => now.outboxBytes),
    gauge('lane_items', 'Work that waits for its turn in the lanes of accounts', (now) => now.laneItems),
    gauge('lane_items_max', 'The same, of the account with the most', (now) => now.longestLane),
    metrics.counted(
      { name: 'logins_total', help: 'Logins, by their outcome', labels: ['method', 'outcome'] },
      (put) => {
        for (const [outcome, count] of host.logins.outcomes) put({ method: 'form', outcome }, count);
      },
    ),
    metrics.counted({ name: 'stanzas_total', help: 'Stanzas of clients', labels: ['kind', 'direction'] }, (put) => {
      const { traffic } = census;
      put({ kind: 'message', direction: 'in' }, traffic.messagesIn);
      put({ kind: 'message', direction: 'out' }, traffic.messagesOut);
      put({ kind: 'presence', direction: 'in' }, traffic.presencesIn);
      put({ kind: 'presence', direction: 'out' }, traffic.presencesOut);
      put({ kind: 'iq', direction: 'in' }, traffic.iqsIn);
      put({ kind: 'iq', direction: 'out' }, traffic.iqsOut);
    }),
  ];
  return () => {
    for (const remove of undo) remove();
  };
}
