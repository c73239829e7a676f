import type { Message } from '../stanza.ts';
import { Service } from './service.ts';

/** Knows what sessions were sent in the place of a message, for whom nobody else may read it. */
export interface Copies {
  /** The message that this is a copy of; undefined when it is no copy. */
  originalOf(message: Message): Message | undefined;
}

/** Provided where sessions are sent copies of messages to others. XEP-0280. */
export const copies = new Service<Copies>('copies');
