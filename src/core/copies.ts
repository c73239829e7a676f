import type { Message } from '../stanza.ts';
import { Service } from './service.ts';

/** Knows the copies that sessions are sent of messages that go to others. */
export interface Copies {
  /** The message that this is a copy of; undefined when it is no copy. */
  originalOf(message: Message): Message | undefined;
}

/** Provided where there are copies. XEP-0280. */
export const copies = new Service<Copies>('copies');
