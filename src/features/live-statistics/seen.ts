import type { Session } from '../../core/session.ts';
import { sessionHead, type TickTraffic } from './lines.ts';

/** What was seen of a session at the last tick. It is changed in place: there may be ten thousand of them, each second. */
export class Seen implements TickTraffic {
  messagesIn = 0;
  messagesOut = 0;
  presencesIn = 0;
  presencesOut = 0;
  iqsIn = 0;
  iqsOut = 0;
  bytesIn = 0;
  bytesOut = 0;
  readonly #id: string;
  readonly #session: Session;
  #link: Session['link'];
  #head: string | undefined;

  /** `id` names the session in lines: it has no other name that is short. */
  constructor(id: string, session: Session) {
    this.#id = id;
    this.#session = session;
    this.#link = session.link;
  }

  /** How the lines of the session begin. */
  get head(): string {
    this.#head ??= sessionHead(this.#id, this.#session.jid.toString());
    return this.#head;
  }

  /** Looks again. Returns what the session has sent and was sent since the last time; undefined for nothing. */
  look(): TickTraffic | undefined {
    const { traffic, link } = this.#session;
    // Another link has counted its own bytes only.
    if (link !== this.#link) {
      this.#link = link;
      this.bytesIn = 0;
      this.bytesOut = 0;
    }
    const bytesIn = link?.bytesRead ?? 0;
    const bytesOut = link?.bytesWritten ?? 0;
    const isSilent =
      bytesIn === this.bytesIn &&
      bytesOut === this.bytesOut &&
      traffic.messagesIn === this.messagesIn &&
      traffic.messagesOut === this.messagesOut &&
      traffic.presencesIn === this.presencesIn &&
      traffic.presencesOut === this.presencesOut &&
      traffic.iqsIn === this.iqsIn &&
      traffic.iqsOut === this.iqsOut;
    if (isSilent) return undefined;
    const moved = {
      messagesIn: traffic.messagesIn - this.messagesIn,
      messagesOut: traffic.messagesOut - this.messagesOut,
      presencesIn: traffic.presencesIn - this.presencesIn,
      presencesOut: traffic.presencesOut - this.presencesOut,
      iqsIn: traffic.iqsIn - this.iqsIn,
      iqsOut: traffic.iqsOut - this.iqsOut,
      bytesIn: bytesIn - this.bytesIn,
      bytesOut: bytesOut - this.bytesOut,
    };
    this.messagesIn = traffic.messagesIn;
    this.messagesOut = traffic.messagesOut;
    this.presencesIn = traffic.presencesIn;
    this.presencesOut = traffic.presencesOut;
    this.iqsIn = traffic.iqsIn;
    this.iqsOut = traffic.iqsOut;
    this.bytesIn = bytesIn;
    this.bytesOut = bytesOut;
    return moved;
  }
}
