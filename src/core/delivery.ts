import type { StanzaErrorCondition } from '../errors.ts';
import type { Message } from '../stanza.ts';
import type { Session } from './session.ts';

/** Where a message to an account goes: to these sessions; and when they are none, what becomes of it. */
export interface Choice {
  readonly recipients: readonly Session[];
  /** Without recipients: keep it for later if anything does, answer with an error, or ignore it. */
  readonly otherwise: 'store' | 'error' | 'ignore';
}

/** The condition with which a message that nobody takes is answered. RFC 6121 §8.5.2.2.1. */
export const UNDELIVERABLE: StanzaErrorCondition = 'service-unavailable';

const IGNORE: Choice = { recipients: [], otherwise: 'ignore' };
const ERROR: Choice = { recipients: [], otherwise: 'error' };

/**
 * Chooses the sessions for a message to a bare or full JID of an existing account: the table of RFC 6121 §8.5.4. Where it
 * leaves a choice: all resources of non-negative priority get a message to the bare JID, so that every device has it, and
 * what may be ignored or answered is answered, unless it is a headline or an error. A session that may not communicate is as if
 * it were not there.
 */
export function chooseRecipients(message: Message, sessions: ReadonlyMap<string, Session>): Choice {
  const resource = message.to?.resource ?? '';
  if (resource !== '') {
    const match = sessions.get(resource);
    if (match?.mayCommunicate === true) return { recipients: [match], otherwise: 'ignore' };
    return message.type === 'chat' ? forAccount(sessions) : refused(message);
  }
  if (message.type === 'groupchat') return ERROR;
  if (message.type === 'error') return IGNORE;
  const choice = forAccount(sessions);
  return message.type === 'headline' ? { ...choice, otherwise: 'ignore' } : choice;
}

/** What becomes of a message to an account that does not exist. RFC 6121 §8.5.1. */
export function refused(message: Message): Choice {
  return message.type === 'error' || message.type === 'headline' ? IGNORE : ERROR;
}

function forAccount(sessions: ReadonlyMap<string, Session>): Choice {
  const recipients: Session[] = [];
  for (const session of sessions.values()) {
    if (session.isAvailable && session.priority >= 0 && session.mayCommunicate) recipients.push(session);
  }
  return { recipients, otherwise: 'store' };
}
