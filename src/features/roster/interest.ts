import type { FeatureHost } from '../../core/feature.ts';
import type { Session } from '../../core/session.ts';
import type { Slot } from '../../core/slots.ts';
import type { JID } from '../../jid.ts';
import type { CounterMetric } from '../../metrics/metrics.ts';
import { iq, Payload } from '../../stanza.ts';
import { newId } from '../../util/ids.ts';
import type { Roster, RosterItem } from './api.ts';
import { changesBetween, type ItemChange } from './changes.ts';
import { pushElement } from './items.ts';

/** Which sessions have asked for the roster, and how these are told of changes. RFC 6121 §2.1.6. */
export class Interest {
  readonly #host: FeatureHost;
  readonly #interested: Slot<Session, boolean>;
  readonly #pushes: CounterMetric<never>;

  constructor(host: FeatureHost) {
    this.#host = host;
    this.#pushes = host.metrics.counter({ name: 'roster_pushes_total', help: 'Roster pushes sent to sessions' });
    this.#interested = host.sessionSlot<boolean>(() => false, {
      name: 'roster.interested',
      save: (isInterested) => isInterested || undefined,
      restore: (json) => json === true,
    });
  }

  /** Whether the session is told of changes. */
  has(session: Session): boolean {
    return this.#interested.of(session);
  }

  /** Tells the session of changes from now on. */
  add(session: Session): void {
    this.#interested.set(session, true);
  }

  /**
   * Tells those of the sessions that are interested of an item as it is now, or that there is none any more: without `from`,
   * as from the account itself. The answers tell nothing and are not waited for.
   */
  push(sessions: Iterable<Session>, version: string, contact: JID, item: RosterItem | undefined): void {
    let payload: Payload | undefined;
    for (const session of sessions) {
      if (!this.has(session)) continue;
      payload ??= new Payload([pushElement(version, contact, item)]);
      this.#host.deliver(session, iq({ type: 'set', to: session.jid, id: newId(), payload }));
      this.#pushes.add({});
    }
  }

  /**
   * Tells those of the sessions that are interested of all that makes one roster of another, and returns that. A client that
   * has seen only some of the pushes must not take what it has for the whole: only the last one names the version.
   */
  pushChanges(sessions: Iterable<Session>, before: Roster, after: Roster): readonly ItemChange[] {
    const changes = changesBetween(before, after);
    const told = [...sessions];
    let left = changes.length;
    for (const { contact, item } of changes) {
      left--;
      this.push(told, left === 0 ? after.version : `${after.version}.${left}`, contact, item);
    }
    return changes;
  }
}
