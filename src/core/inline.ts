import type { JID } from '../jid.ts';
import type { Awaitable } from '../util/awaitable.ts';
import type { Element } from '../xml/element.ts';
import type { Account } from './account.ts';
import type { ClientStream } from './client-stream.ts';
import type { Permission } from './roles.ts';
import { Service } from './service.ts';
import type { Session } from './session.ts';

/** A resource was bound as part of the login. */
export interface InlineBinding {
  readonly account: Account;
  readonly session: Session;
  readonly stream: ClientStream;
  /** `<bind/>` as the client sent it, with its requests. */
  readonly request: Element;
}

/** What a feature does for a session that is bound as part of the login. XEP-0386 §3, §4. */
export interface InlineFeature {
  /** The name by which clients are told that they may request it; undefined when there is nothing to request. */
  readonly name: string | undefined;
  /** What a login must be allowed to have it; undefined: nothing. */
  readonly permission?: Permission;
  /**
   * Does what the client requests of it, before anything is sent to the session; returns what to tell the client inside
   * `<bound/>`. What it throws is logged and leaves the session without the feature.
   */
  bound(binding: InlineBinding): Awaitable<Element | undefined>;
}

/** Which parts of the login in one step clients may use. */
export interface InlineLoginSettings {
  /** Keys for other hash functions are made of the password at login. XEP-0480. */
  readonly upgrades: boolean;
  /** Clients may log in before they know what is offered, and learn when it has changed. XEP-0509. */
  readonly pipelining: boolean;
}

/** Provided where clients may log in and have everything else in one step. XEP-0388. */
export const inlineLogin = new Service<InlineLoginSettings>('inline-login');

/** Names the resources that are bound along with the login. XEP-0386 §3.1. */
export interface ResourceNames {
  /** The full JID for a client: the same whenever it has an identifier and gives the same tag. */
  addressOf(account: JID, clientId: string | undefined, tag: string): JID;
}

/** Provided where resources may be bound along with the login. XEP-0386. */
export const inlineBinding = new Service<ResourceNames>('inline-binding');
