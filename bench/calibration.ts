import { Parser } from '@xmpp/xml';

const HEADER = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";
const STANZA =
  "<message from='romeo@montague.example/orchard' to='juliet@capulet.example' type='chat' id='a1'>" +
  "<body>Wherefore art thou?</body><active xmlns='http://jabber.org/protocol/chatstates'/></message>";
const UNITS = 100;
const KEYS = Array.from({ length: 64 }, (_, i) => `user${i}@capulet.example`);

/**
 * A fixed piece of work of the kind that a server does, without a line of the server's code: what it costs is the speed of
 * this machine at this time. Whoever changes it makes the baseline worthless.
 */
export class Calibration {
  readonly #parser = new Parser();
  readonly #counts = new Map<string, number>();
  #parsed = 0;
  #written = 0;

  constructor() {
    this.#parser.on('element', () => {
      this.#parsed++;
    });
    this.#parser.write(HEADER);
  }

  /** Does the work some times and returns how often. */
  run(): number {
    const before = this.#parsed;
    for (let i = 0; i < UNITS; i++) {
      this.#parser.write(STANZA);
      this.#count(KEYS[i % KEYS.length] ?? '');
    }
    if (this.#parsed - before !== UNITS || this.#written === 0) throw new Error('the calibration does not work');
    return UNITS;
  }

  #count(key: string): void {
    const [local = '', domain = ''] = key.split('@');
    const address = `${local}@${domain.toUpperCase()}/orchard`;
    this.#counts.set(address, (this.#counts.get(address) ?? 0) + 1);
    this.#written += address.replaceAll('.', '-').length;
  }
}
