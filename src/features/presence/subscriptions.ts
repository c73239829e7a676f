import type { Account } from '../../core/account.ts';
import type { FeatureHost } from '../../core/feature.ts';
import { StanzaError } from '../../errors.ts';
import { JID } from '../../jid.ts';
import { type Presence, presence } from '../../stanza.ts';
import type { Roster, RosterChange, RosterItem, Rosters } from '../roster/api.ts';
import type { Availability } from './availability.ts';
import { hasFrom, hasTo, inbound, inState, outbound, type SubscriptionType, stateOf } from './subscription.ts';

/** What is kept of a request until it is answered. One that is longer is kept without its content. */
const MAX_REQUEST_BYTES = 2048;

/** Asks for, grants and ends subscriptions, between what is stored and what is sent. RFC 6121 §3. */
export class Subscriptions {
  readonly #host: FeatureHost;
  readonly #rosters: Rosters;
  readonly #availability: Availability;

  constructor(host: FeatureHost, rosters: Rosters, availability: Availability) {
    this.#host = host;
    this.#rosters = rosters;
    this.#availability = availability;
  }

  /**
   * A session of the account sends a subscription stanza: what it changes is stored and pushed, then it goes out, from one
   * bare address to another. RFC 6121 §3.1.2, §3.1.5, §3.2.2, §3.3.2, §3.4.2.
   */
  async sent(account: Account, type: SubscriptionType, stanza: Presence, to: JID): Promise<void> {
    const contact = to.bare();
    if (contact.equals(account.jid)) {
      throw new StanzaError('not-allowed', { text: 'an account sees its own presence without a subscription' });
    }
    const { before } = await this.#rosters.change(account, contact, (relation) =>
      inState(relation, contact, outbound(stateOf(relation), type).state),
    );
    if (!outbound(stateOf(before), type).isRouted) return;
    // While the contact is still subscribed. RFC 6121 §3.2.2.
    if (type === 'unsubscribed' && hasFrom(stateOf(before))) this.#availability.hide(account, contact);
    this.#host.send(stanza.copy({ from: account.jid, to: contact }));
    if (type === 'subscribed') this.#availability.show(account, contact);
  }

  /**
   * A subscription stanza arrived for the account. Returns it as it goes on to the available sessions, or undefined when
   * nobody but the server is concerned. RFC 6121 §3.1.3, §3.1.6, §3.2.3, §3.3.3.
   */
  async received(account: Account, type: SubscriptionType, stanza: Presence, from: JID): Promise<Presence | undefined> {
    const contact = from.bare();
    const arrived = stanza.copy({ from: contact, to: account.jid });
    const { before } = await this.#rosters.change(
      account,
      contact,
      (relation) => inState(relation, contact, inbound(stateOf(relation), type).state, requestText(arrived)),
      // The stanza itself comes before the push that it causes.
      (change) => this.#tellInterested(change, type, arrived),
    );
    const { isDelivered, isApproved } = inbound(stateOf(before), type);
    if (isApproved) this.#approve(account, contact);
    if (type === 'unsubscribe' && hasFrom(stateOf(before))) this.#availability.hide(account, contact);
    return type === 'subscribe' && isDelivered ? arrived : undefined;
  }

  /** An item was taken out of the roster: the subscriptions end with it. RFC 6121 §2.5.2. */
  changed({ account, contact, before, after }: RosterChange): void {
    if (before.item === undefined || after.item !== undefined) return;
    // It has been told that nobody is there, and learns no more.
    if (this.#availability.isBlocked(account, contact)) return;
    if (hasFrom(before.item)) this.#availability.hide(account, contact);
    this.#cancel(account.jid, before.item);
  }

  /** An account is gone: so are its subscriptions, and the requests that it had not answered. */
  removed(jid: JID, { items, requests }: Roster): void {
    for (const item of items.values()) this.#cancel(jid, item);
    for (const requester of requests.keys()) {
      this.#host.send(presence({ type: 'unsubscribed', from: jid, to: JID.parse(requester) }));
    }
  }

  #cancel(from: JID, item: RosterItem): void {
    const to = item.jid;
    if (hasTo(item) || item.ask) this.#host.send(presence({ type: 'unsubscribe', from, to }));
    if (hasFrom(item)) this.#host.send(presence({ type: 'unsubscribed', from, to }));
  }

  #approve(account: Account, contact: JID): void {
    this.#host.send(presence({ type: 'subscribed', from: account.jid, to: contact }));
    this.#availability.show(account, contact);
  }

  // A request is for the available sessions; the rest concerns those that show a roster. RFC 6121 §3.1.6, §3.2.3, §3.3.3.
  #tellInterested({ account, before }: RosterChange, type: SubscriptionType, stanza: Presence): void {
    if (type === 'subscribe' || !inbound(stateOf(before), type).isDelivered) return;
    for (const session of account.sessions.values()) {
      if (this.#rosters.isInterested(session)) this.#host.deliver(session, stanza);
    }
  }
}

// Strangers fill this: RFC 6121 §3.1.3 asks for the whole stanza, and allows that extended content is left out.
function requestText(request: Presence): string {
  const whole = request.toString();
  if (Buffer.byteLength(whole) <= MAX_REQUEST_BYTES) return whole;
  return presence({ type: 'subscribe', from: request.from, to: request.to }).toString();
}
