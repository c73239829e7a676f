import type { JID } from '../jid.ts';
import type { Iq } from '../stanza.ts';
import type { Stream } from '../stream/stream.ts';
import type { Account } from './account.ts';
import type { Login } from './login.ts';
import type { Session } from './session.ts';

/** A client's stream as the features that negotiate on it see it. */
export interface ClientStream {
  readonly stream: Stream;
  /** The virtual host that the client asked for; known once its header has arrived. */
  readonly domain: string;
  readonly remoteAddress: string;
  /** The authenticated account; undefined before. */
  readonly jid: JID | undefined;
  /** How the client got in; undefined before. */
  readonly login: Login | undefined;
  readonly account: Account | undefined;
  /** The bound session; undefined before. */
  readonly session: Session | undefined;
  /** The iq that `accept` is called for, when the feature is negotiated by iq. */
  readonly request: Iq | undefined;
  /** Makes this the stream of a session that another stream had: what the client has not acknowledged is sent again. */
  takeOver(account: Account, session: Session): void;
}
