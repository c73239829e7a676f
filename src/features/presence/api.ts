import type { Account } from '../../core/account.ts';
import { Service } from '../../core/service.ts';
import type { Session } from '../../core/session.ts';
import type { Presence } from '../../stanza.ts';

/** The presence of this host's accounts. */
export interface Presences {
  /**
   * Makes this the presence of a session and sends it to all who see the account, as if the client had: stamped, available,
   * and to nobody in particular. RFC 6121 §4.4.
   */
  broadcast(account: Account, session: Session, stanza: Presence): void;
}

/** Provided where accounts have presence. */
export const presences = new Service<Presences>('presences');
