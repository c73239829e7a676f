import { Service } from '../../core/service.ts';
import type { Session } from '../../core/session.ts';

/** What clients have said about whether somebody is looking at them. XEP-0352. */
export interface ClientState {
  /** Whether the session's client said last that nobody looks at it. One that has come back to its session has said nothing. */
  isInactive(session: Session): boolean;
}

/** Provided where clients may say that they are inactive. Nobody but the server itself may learn of it: §6. */
export const clientState = new Service<ClientState>('client-state');
