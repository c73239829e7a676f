import type { AnyStanza } from '../stanza.ts';

/** How many stanzas of each kind a client has sent and was sent: plain numbers, read when somebody asks. */
export class Traffic {
  messagesIn = 0;
  messagesOut = 0;
  presencesIn = 0;
  presencesOut = 0;
  iqsIn = 0;
  iqsOut = 0;

  /** The client has sent a stanza. */
  received(kind: AnyStanza['kind']): void {
    if (kind === 'message') this.messagesIn++;
    else if (kind === 'presence') this.presencesIn++;
    else this.iqsIn++;
  }

  /** The client is sent a stanza. */
  sent(kind: AnyStanza['kind']): void {
    if (kind === 'message') this.messagesOut++;
    else if (kind === 'presence') this.presencesOut++;
    else this.iqsOut++;
  }

  /** Adds what another has counted. */
  add(other: Traffic): void {
    this.messagesIn += other.messagesIn;
    this.messagesOut += other.messagesOut;
    this.presencesIn += other.presencesIn;
    this.presencesOut += other.presencesOut;
    this.iqsIn += other.iqsIn;
    this.iqsOut += other.iqsOut;
  }
}
