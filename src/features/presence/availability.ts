import type { Account } from '../../core/account.ts';
import type { FeatureHost } from '../../core/feature.ts';
import type { Session } from '../../core/session.ts';
import type { Keep, Slot } from '../../core/slots.ts';
import { StanzaError } from '../../errors.ts';
import { JID } from '../../jid.ts';
import { type Presence, parseStanza, presence } from '../../stanza.ts';
import { ownCopy } from '../../util/own-copy.ts';
import { text } from '../../xml/element.ts';
import { parseElement } from '../../xml/parser.ts';
import { type BlockingChange, blocking } from '../blocking/api.ts';
import type { Rosters } from '../roster/api.ts';
import { storedTexts } from '../shared/stored.ts';
import { hasFrom, hasTo } from './subscription.ts';

const KEEP_DIRECTED: Keep<Map<string, JID> | undefined> = {
  name: 'presence.directed',
  save: (directed) => directed && [...directed.keys()],
  restore: (json) => new Map(storedTexts(json).map((address) => [address, JID.parse(address)])),
};

/** Who is told when sessions of this host's accounts come, change and go. RFC 6121 §4. */
export class Availability {
  readonly #host: FeatureHost;
  readonly #rosters: Rosters;
  /** Whom a session has sent directed presence that it must take back in the end, by address. RFC 6121 §4.6.3. */
  readonly #directed: Slot<Session, Map<string, JID> | undefined>;
  /** Whether an address is neither told nor asked anything in an account's name. XEP-0191 §3.3. */
  readonly isBlocked: (account: Account, jid: JID) => boolean;

  constructor(host: FeatureHost, rosters: Rosters) {
    this.#host = host;
    this.#rosters = rosters;
    const blocks = host.find(blocking);
    this.isBlocked = (account, jid) => blocks?.isBlocked(account, jid) ?? false;
    this.#directed = host.sessionSlot(() => undefined, KEEP_DIRECTED);
  }

  /** Whether an address is sent the account's presence: its own, or that of a contact with a subscription. */
  isSubscriber(account: Account, jid: JID): boolean {
    const bare = jid.bare();
    if (bare.equals(account.jid)) return true;
    const item = this.#rosters.of(account).items.get(bare.toString());
    return item !== undefined && hasFrom(item);
  }

  /**
   * A session sends presence to nobody in particular: initial presence, a change, or the end of it. RFC 6121 §4.2, §4.4, §4.5.
   * @throws StanzaError `bad-request` for a priority that is none.
   */
  broadcast(account: Account, session: Session, stanza: Presence): void {
    if (stanza.type === 'unavailable') return this.end(account, session, stanza);
    checkPriority(stanza);
    const isInitial = !session.isAvailable;
    this.#host.setPresence(account, session, stanza);
    this.#toSubscribers(account, stanza);
    this.#toOwn(account, stanza);
    if (isInitial) this.#introduce(account, session);
  }

  /** A session is not available any more; `stanza`, of type `unavailable`, says so to all who think otherwise. RFC 6121 §4.5.2. */
  end(account: Account, session: Session, stanza: Presence): void {
    const wasAvailable = session.isAvailable;
    if (wasAvailable) {
      this.#toSubscribers(account, stanza);
      this.#toOwn(account, stanza);
    }
    const directed = this.#directed.of(session);
    this.#directed.set(session, undefined);
    for (const jid of directed?.values() ?? []) {
      if (!wasAvailable || !this.isSubscriber(account, jid)) this.#send(stanza, jid);
    }
    if (wasAvailable) this.#host.setPresence(account, session, undefined);
  }

  /**
   * A session sends presence to an address: it is remembered, unless broadcasts reach that address anyway. RFC 6121 §4.6.
   * @throws StanzaError `policy-violation` for an address too many.
   */
  direct(account: Account, session: Session, stanza: Presence, to: JID): void {
    const directed = this.#directed.of(session);
    if (stanza.type === 'unavailable') return void directed?.delete(to.toString());
    checkPriority(stanza);
    if (session.isAvailable && this.isSubscriber(account, to)) return;
    if (directed?.has(to.toString())) return;
    const { directedPresence } = this.#host.settings.current.limits.account;
    if (directed !== undefined && directed.size >= directedPresence) {
      throw new StanzaError('policy-violation', {
        text: `no directed presence to more than ${directedPresence} addresses`,
      });
    }
    const address = ownCopy(to.toString());
    if (directed === undefined) this.#directed.set(session, new Map([[address, JID.parse(address)]]));
    else directed.set(address, JID.parse(address));
  }

  /** Somebody wants to know whether the account is available. RFC 6121 §4.3.2. */
  probed(account: Account, from: JID): void {
    if (!this.isSubscriber(account, from)) {
      // It would end for good what it is not ours to end, and what we may only not know.
      if (this.#rosters.isDelegated) return;
      // From the bare address: the others would tell which resources there are.
      return this.#host.send(presence({ type: 'unsubscribed', from: account.jid, to: from }));
    }
    if (!this.show(account, from)) this.#host.send(presence({ type: 'unavailable', from: account.jid, to: from }));
  }

  /** Sends the presence of each available session to an address; false when there is none. */
  show(account: Account, to: JID): boolean {
    const available = account.availableSessions;
    for (const { presence: current } of available) if (current !== undefined) this.#send(current, to);
    return available.length > 0;
  }

  /** Sends an address that is to lose the account from sight an `unavailable` from each available session. */
  hide(account: Account, to: JID): void {
    for (const { jid } of account.availableSessions) this.#send(presence({ type: 'unavailable', from: jid }), to);
  }

  /** Asks an address that is to come into sight for its presence, once for each available session. RFC 6121 §4.3.1. */
  ask(account: Account, contact: JID): void {
    for (const session of account.availableSessions) this.#probe(session, contact);
  }

  /**
   * The account has blocked or unblocked somebody: who sees its presence sees it go, or come back. XEP-0191 §3.3, §3.4. What
   * an unblocked contact said meanwhile was dropped, so it is asked for.
   */
  blockingChanged({ account, items, wasBlocked, isBlocked }: BlockingChange): void {
    const roster = this.#rosters.of(account).items;
    const resources = items.filter((jid) => !jid.isBare && roster.has(jid.bare().toString()));
    for (const jid of [...Array.from(roster.values(), (item) => item.jid), ...resources]) {
      const item = roster.get(jid.bare().toString());
      if (item === undefined || wasBlocked(jid) === isBlocked(jid)) continue;
      if (hasFrom(item) && isBlocked(jid)) this.hide(account, jid);
      if (hasFrom(item) && !isBlocked(jid)) this.show(account, jid);
      if (hasTo(item) && !isBlocked(jid)) this.ask(account, jid);
    }
    for (const session of account.sessions.values()) this.#takeBack(session, isBlocked);
  }

  // Directed presence is not sent again when its address is unblocked: it is the client's own affair. RFC 6121 §4.6.3.
  #takeBack(session: Session, isBlocked: (jid: JID) => boolean): void {
    const directed = this.#directed.of(session);
    for (const [address, jid] of directed ?? []) {
      if (!isBlocked(jid)) continue;
      directed?.delete(address);
      this.#send(presence({ type: 'unavailable', from: session.jid }), jid);
    }
  }

  // What a session that has become available is to know: its sisters, its contacts, and who waits for an answer.
  #introduce(account: Account, session: Session): void {
    for (const sister of account.availableSessions) {
      if (sister !== session && sister.presence !== undefined) {
        this.#host.deliver(session, sister.presence.copy({ to: session.jid }));
      }
    }
    const { subscriptions, requests } = this.#rosters.of(account);
    for (const contact of subscriptions) if (!this.isBlocked(account, contact)) this.#probe(session, contact);
    for (const [requester, xml] of requests) {
      if (this.isBlocked(account, JID.parse(requester))) continue;
      this.#host.deliver(session, parseStanza(parseElement(xml), undefined).copy({ to: account.jid }));
    }
  }

  #toSubscribers(account: Account, stanza: Presence): void {
    for (const contact of this.#rosters.of(account).subscribers) {
      if (!this.isBlocked(account, contact)) this.#send(stanza, contact);
    }
  }

  // From the full address, so that only this session is answered. RFC 6121 §4.3.1.
  #probe({ jid }: Session, contact: JID): void {
    this.#send(presence({ type: 'probe', from: jid }), contact);
  }

  // An account is subscribed to itself: also the session that speaks hears it. RFC 6121 §4.2.2, §4.4.2, §4.5.2.
  #toOwn(account: Account, stanza: Presence): void {
    for (const session of account.sessions.values()) {
      if (session.isAvailable) this.#host.deliver(session, stanza.addressed(session.jid));
    }
  }

  // A user of this host without a session is not there to be told or asked, and need not be loaded for it.
  #send(stanza: Presence, to: JID): void {
    if (to.domain === this.#host.domain && !this.#hasSessions(to.local)) return;
    this.#host.send(stanza.addressed(to));
  }

  #hasSessions(local: string): boolean {
    const account = this.#host.account(local);
    return account !== undefined && account.sessions.size > 0;
  }
}

/** A priority is an integer from −128 to 127. RFC 6121 §4.7.2.3. */
function checkPriority({ payload }: Presence): void {
  const element = payload.child('priority');
  if (element === undefined) return;
  const value = text(element).trim();
  if (/^[+-]?\d{1,3}$/.test(value) && Number(value) >= -128 && Number(value) <= 127) return;
  throw new StanzaError('bad-request', { text: 'a priority is an integer from -128 to 127' });
}
