import type { FeatureHost } from '../../../core/feature.ts';
import {
  accountRemoved,
  accountSends,
  CONSUMED,
  sessionBound,
  sessionEnded,
  sessionRestored,
  type Verdict,
} from '../../../core/points.ts';
import type { Awaitable } from '../../../util/awaitable.ts';
import { delegatedRosters, rosters as rostersService } from '../api.ts';
import { NS_ROSTER } from '../items.ts';
import { ROSTERS } from '../record.ts';
import { offerVersioning, resultOf } from '../versioning.ts';
import { blockSubscriptions } from './blocker.ts';
import { COPIES } from './copy-record.ts';
import { DelegatedRosters, type OnFailure } from './delegated-rosters.ts';
import type { RosterSource } from './source.ts';

/** Serves the rosters of a source in the place of those that the server would keep itself. */
export function serveRosters(host: FeatureHost, source: RosterSource, onFailure: OnFailure): DelegatedRosters {
  const rosters = new DelegatedRosters(host, source, onFailure);
  host.provide(rostersService, rosters);
  host.provide(delegatedRosters, rosters);
  host.silenceProbes();
  offerVersioning(host);
  blockSubscriptions(host);

  // What is broadcast goes to contacts: it waits until these are known.
  host.filter(accountSends, ({ account, stanza }): Awaitable<Verdict> => {
    if (stanza.kind !== 'presence' || stanza.to !== undefined) return;
    return rosters.waitFor(account)?.then(
      () => undefined,
      () => CONSUMED,
    );
  });
  host.handle(
    { type: 'get', ns: NS_ROSTER, name: 'query', to: 'self', isPatient: true },
    ({ account, session, payload }) => {
      rosters.interest(session);
      const waiting = rosters.waitFor(account);
      const answer = () => resultOf(payload, rosters.of(account));
      return waiting === undefined ? answer() : waiting.then(answer);
    },
  );
  host.observe(sessionBound, (event) => rosters.joined(event));
  host.observe(sessionRestored, (event) => rosters.joined(event));
  host.observe(sessionEnded, (event) => rosters.left(event));
  host.observe(accountRemoved, ({ jid }) => rosters.removed(jid));
  // Also what was kept while the contacts were its own, or another's.
  for (const table of [host.table(ROSTERS), host.table(COPIES)]) {
    host.observe(accountRemoved, ({ jid }) => table.delete([jid.domain, jid.local]));
  }
  host.defer(() => rosters.close());
  return rosters;
}
