import type { Account } from '../../core/account.ts';
import type { FeatureHost } from '../../core/feature.ts';
import type { JID } from '../../jid.ts';
import { presence } from '../../stanza.ts';
import { atEndOfTurn } from '../../util/turn.ts';
import type { Roster, RosterItem, Rosters } from '../roster/api.ts';
import type { Availability } from './availability.ts';
import { hasFrom, hasTo } from './subscription.ts';

const NOBODY: Pick<RosterItem, 'subscription'> = { subscription: 'none' };

/**
 * What it means for presence that whoever owns a roster has changed it: subscriptions began and ended, and no client has said
 * so. Who comes into sight is shown and asked at once, and who is out of sight is seen to go.
 */
export class Replacement {
  readonly #host: FeatureHost;
  readonly #rosters: Rosters;
  readonly #availability: Availability;

  constructor(host: FeatureHost, rosters: Rosters, availability: Availability) {
    this.#host = host;
    this.#rosters = rosters;
    this.#availability = availability;
  }

  /** An account has another roster. Whom it has blocked is told and asked nothing, and has been seen to go already. */
  replaced({ account, before, after }: { account: Account; before: Roster; after: Roster }): void {
    if (account.availableSessions.length === 0) return;
    for (const [key, item] of before.items) this.#changed(account, item, after.items.get(key));
    for (const [key, item] of after.items) if (!before.items.has(key)) this.#changed(account, undefined, item);
  }

  #changed(account: Account, was: RosterItem | undefined, is: RosterItem | undefined): void {
    const contact = (is ?? was)?.jid;
    if (contact === undefined || was?.subscription === is?.subscription) return;
    if (this.#availability.isBlocked(account, contact)) return;
    const [before, after] = [was ?? NOBODY, is ?? NOBODY];
    if (hasFrom(before) && !hasFrom(after)) this.#availability.hide(account, contact);
    if (hasTo(before) && !hasTo(after)) this.#leave(account, contact);
    if (!hasFrom(before) && hasFrom(after)) this.#availability.show(account, contact);
    if (!hasTo(before) && hasTo(after)) this.#availability.ask(account, contact);
  }

  // The contact's server does not know that it is out of sight: what it would say is said in its place. RFC 6121 §4.5.2.
  #leave(account: Account, contact: JID): void {
    if (contact.domain !== this.#host.domain) return this.#gone(account, contact);
    // Two who lose each other at the same time each say so themselves.
    atEndOfTurn(() => {
      for (const resource of this.#visible(account, contact)) this.#gone(account, resource);
    });
  }

  #gone(account: Account, from: JID): void {
    if (this.#availability.isBlocked(account, from)) return;
    const gone = presence({ type: 'unavailable', from, to: account.jid });
    for (const session of account.availableSessions) this.#host.deliver(session, gone);
  }

  /** The resources of a contact of this host that the account sees, and is to see no more. */
  #visible(account: Account, contact: JID): readonly JID[] {
    const item = this.#rosters.of(account).items.get(contact.toString());
    if (item !== undefined && hasTo(item)) return [];
    const other = this.#host.account(contact.local);
    const resources = other?.availableSessions.map(({ jid }) => jid) ?? [];
    if (other === undefined || resources.length === 0) return [];
    // Whoever has blocked the account has been out of its sight; its resources are none of the account's business.
    if (this.#availability.isBlocked(other, account.jid)) return [];
    // Who lists the account no more has said so itself, when that began.
    return this.#rosters.isKnown(other) && !this.#availability.isSubscriber(other, account.jid) ? [] : resources;
  }
}
