import type { JID } from '../jid.ts';
import type { Awaitable } from '../util/awaitable.ts';
import type { Element } from '../xml/element.ts';
import type { ClientStream } from './client-stream.ts';
import { Service } from './service.ts';

/** What came of a request to resume a session. XEP-0198 §5. */
export type Resumed =
  | {
      /** `<resumed/>`. */
      readonly answer: Element;
      /** The full JID of the session. */
      readonly jid: JID;
      /** Takes the stream over for the session, and sends what the client has not acknowledged; called once the answer is sent. */
      readonly complete: () => void;
      readonly isResumed: true;
    }
  | {
      /** `<failed/>`. */
      readonly answer: Element;
      readonly isResumed: false;
    };

/** Takes sessions up again on other streams, and begins to count what is sent. XEP-0198. */
export interface Resumption {
  /** Takes `<resume/>` of an authenticated client that has not bound a resource. */
  resume(stream: ClientStream, request: Element): Awaitable<Resumed>;
  /** Takes `<enable/>` of a client whose session was just bound; returns `<enabled/>` or `<failed/>`. */
  enable(stream: ClientStream, request: Element): Element;
}

/** Provided by stream management; nothing can be resumed without it. */
export const resumption = new Service<Resumption>('resumption');
