import { Service } from '../../core/service.ts';
import type { Session } from '../../core/session.ts';

/** What clients have said about whether somebody is looking at them. XEP-0352. */
export interface ClientState {
  /** Whether the session's client is inactive: nobody looks at it. False while it has said nothing, and without a stream. */
  isInactive(session: Session): boolean;
}

/** Provided where clients may say that they are inactive. Nobody but the server itself may learn of it: §6. */
export const clientState = new Service<ClientState>('client-state');
