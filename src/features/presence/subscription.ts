import type { JID } from '../../jid.ts';
import type { Relation, Subscription } from '../roster/api.ts';

/** The stanzas that manage subscriptions. RFC 6121 §3. */
export type SubscriptionType = 'subscribe' | 'subscribed' | 'unsubscribe' | 'unsubscribed';

/**
 * How an account and a contact stand to each other, as the account's server sees it: the nine states of RFC 6121 §A.1,
 * and the pre-approval of §3.4. Not every combination of the fields is a state.
 */
export interface SubscriptionState {
  readonly subscription: Subscription;
  /** Pending out: the account waits for an answer of the contact. */
  readonly ask: boolean;
  /** Pending in: the contact waits for an answer of the account. */
  readonly pendingIn: boolean;
  readonly approved: boolean;
}

/** What becomes of a stanza that an account sends to a contact. */
export interface OutboundStep {
  readonly state: SubscriptionState;
  /** Whether it goes on to the contact. */
  readonly isRouted: boolean;
}

/** What becomes of a stanza that a contact sends to an account. */
export interface InboundStep {
  readonly state: SubscriptionState;
  /** Whether the account's clients are told. */
  readonly isDelivered: boolean;
  /** Whether the server answers `subscribed` in the account's name. */
  readonly isApproved: boolean;
}

/** Whether the contact is sent the account's presence. */
export function hasFrom({ subscription }: { readonly subscription: Subscription }): boolean {
  return subscription === 'from' || subscription === 'both';
}

/** Whether the account is sent the contact's presence. */
export function hasTo({ subscription }: { readonly subscription: Subscription }): boolean {
  return subscription === 'to' || subscription === 'both';
}

/** The account sends a subscription stanza. RFC 6121 §A.2, and §3.4.2 for an approval that nobody has asked for. */
export function outbound(state: SubscriptionState, type: SubscriptionType): OutboundStep {
  switch (type) {
    case 'subscribe':
      return { state: hasTo(state) || state.ask ? state : { ...state, ask: true }, isRouted: true };
    case 'unsubscribe':
      return { state: withoutTo(state), isRouted: true };
    case 'subscribed':
      if (state.pendingIn) return { state: withFrom(state), isRouted: true };
      return { state: hasFrom(state) || state.approved ? state : { ...state, approved: true }, isRouted: false };
    case 'unsubscribed':
      return { state: withoutFrom(state), isRouted: hasFrom(state) || state.pendingIn };
  }
}

/** The contact sends a subscription stanza. RFC 6121 §A.3, and §3.4 for a request that was approved beforehand. */
export function inbound(state: SubscriptionState, type: SubscriptionType): InboundStep {
  switch (type) {
    case 'subscribe':
      return request(state);
    case 'unsubscribe':
      return hasFrom(state) || state.pendingIn ? told(withoutFrom(state)) : ignored(state);
    case 'subscribed':
      return state.ask ? told(withTo(state)) : ignored(state);
    case 'unsubscribed':
      return state.ask || hasTo(state) ? told(withoutTo(state)) : ignored(state);
  }
}

// RFC 6121 §3.1.3, §A.3.1. A contact that asks again although it is subscribed has lost the approval: it gets another.
function request(state: SubscriptionState): InboundStep {
  if (hasFrom(state)) return { state, isDelivered: false, isApproved: true };
  if (state.approved) return { state: withFrom(state), isDelivered: false, isApproved: true };
  return state.pendingIn ? ignored(state) : told({ ...state, pendingIn: true });
}

function told(state: SubscriptionState): InboundStep {
  return { state, isDelivered: true, isApproved: false };
}

function ignored(state: SubscriptionState): InboundStep {
  return { state, isDelivered: false, isApproved: false };
}

function withTo(state: SubscriptionState): SubscriptionState {
  return { ...state, subscription: hasFrom(state) ? 'both' : 'to', ask: false };
}

function withoutTo(state: SubscriptionState): SubscriptionState {
  return { ...state, subscription: hasFrom(state) ? 'from' : 'none', ask: false };
}

// A pre-approval is for one request: it is used up.
function withFrom(state: SubscriptionState): SubscriptionState {
  return { ...state, subscription: hasTo(state) ? 'both' : 'from', pendingIn: false, approved: false };
}

function withoutFrom(state: SubscriptionState): SubscriptionState {
  return { ...state, subscription: hasTo(state) ? 'to' : 'none', pendingIn: false, approved: false };
}

/** The state that a relation is in. */
export function stateOf({ item, request }: Relation): SubscriptionState {
  return {
    subscription: item?.subscription ?? 'none',
    ask: item?.ask ?? false,
    pendingIn: request !== undefined,
    approved: item?.approved ?? false,
  };
}

/**
 * The relation to a contact in another state: `before` itself where that changes nothing. An item is made when there is
 * something to say of the contact that clients see; `request` is what becomes pending if something does.
 */
export function inState(before: Relation, contact: JID, state: SubscriptionState, request?: string): Relation {
  const { subscription, ask, pendingIn, approved } = state;
  const old = stateOf(before);
  const isSameItem = old.subscription === subscription && old.ask === ask && old.approved === approved;
  if (isSameItem && old.pendingIn === pendingIn) return before;
  const named = before.item ?? { jid: contact, name: undefined, groups: [] };
  return {
    item: isSameItem ? before.item : { ...named, subscription, ask, approved },
    request: pendingIn ? (before.request ?? request) : undefined,
  };
}
