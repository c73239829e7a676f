import { Topic } from '../../core/points.ts';
import { Service } from '../../core/service.ts';
import type { Session } from '../../core/session.ts';
import type { JID } from '../../jid.ts';

/** What is known of a program that uses an account. */
export interface ClientAgent {
  readonly software?: string | undefined;
  readonly softwareId?: string | undefined;
  readonly softwareVersion?: string | undefined;
  readonly uri?: string | undefined;
  readonly device?: string | undefined;
}

/** By what something has access: the password, a grant such as those of OAuth, or tokens in the place of the password. */
export type AccessMarker = 'fast' | 'grant' | 'password';

/** How much an account is open to something that has access to it. XEP-0494 §4. */
export type AccessStatus = 'unrestricted' | 'normal' | 'restricted';

/** Something that has access to an account, as its owner sees it. */
export interface Client {
  /** `client/…` or `grant/…`: by it the access is revoked. */
  readonly id: string;
  /** `session` for a client that has logged in, `access` for a grant that no client has used to log in. */
  readonly type: 'session' | 'access';
  /** Has a session, be it one that waits for its client to come back. */
  readonly isConnected: boolean;
  /** Milliseconds since the Unix epoch. */
  readonly firstSeen: number;
  readonly lastSeen: number;
  /** In alphabetical order. */
  readonly markers: readonly AccessMarker[];
  readonly status: AccessStatus;
  /** The scopes that it was granted, or else the names of its roles, when it is restricted. */
  readonly scopes: readonly string[];
  readonly agent: ClientAgent;
  /** When the grant ends, where there is one. */
  readonly expiresAt: number | undefined;
}

/** What has access to the accounts of one host. Localparts are prepared ones. */
export interface ClientAccess {
  /** In the order of when they were last seen, the latest last. */
  list(local: string): Promise<readonly Client[]>;
  /**
   * Takes access away, and ends the sessions that depend on it; resolves when that is durable. Throws StanzaError:
   * `item-not-found`; `internal-server-error` when it could not be stored. XEP-0494 §5.
   */
  revoke(local: string, id: string): Promise<Revoked>;
}

/** What has become of the access of a client. */
export interface Revoked {
  /** All is done that can be, but the client knows the password: only another one keeps it out. */
  readonly needsNewPassword: boolean;
}

/** Provided where records of clients are kept. */
export const clientAccess = new Service<ClientAccess>('client-access');

/** The access of a client was taken away, durably; its sessions are about to end. */
export const clientRevoked = new Topic<{
  readonly jid: JID;
  /** The identifiers of the installations that are concerned; none for a client that gives none. */
  readonly clientIds: readonly string[];
  /** The address by which a client without an identifier is known. */
  readonly fullJid: JID | undefined;
}>('clientRevoked');

/** A client has logged in to an account for the first time. */
export const newClient = new Topic<{
  readonly jid: JID;
  readonly handle: string;
  readonly agent: ClientAgent;
  /** It gives no identifier: it may be known already, by another resource. */
  readonly isLegacy: boolean;
  /** Whether a session is the client's. */
  readonly owns: (session: Session) => boolean;
}>('newClient');
