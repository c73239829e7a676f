import type { Account } from '../src/core/account.ts';
import type { Host } from '../src/core/host.ts';
import type { Link, Session } from '../src/core/session.ts';
import { JID } from '../src/jid.ts';
import { parseStanza } from '../src/stanza.ts';
import { isPromise } from '../src/util/awaitable.ts';
import { parseElement } from '../src/xml/parser.ts';
import { type Bench, type Case, onCpu } from './runner.ts';
import { DOMAIN, startServer } from './server.ts';

const CONTACTS = 20;
const BATCH = 200;
const BODY = '<body>Wherefore art thou, and will you come to the feast on Thursday evening?</body>';
const CHAT = `${BODY}<request xmlns='urn:xmpp:receipts'/>`;
const PRESENCE = '<show>away</show><priority>5</priority>';
const PING = "<ping xmlns='urn:xmpp:ping'/>";
const ROSTER = "<query xmlns='jabber:iq:roster'/>";

/** The path of a stanza through the core and all features, between a parser and links that go nowhere. */
export const router: Bench = {
  name: 'router',
  async open(defer) {
    const { server, stop } = await startServer(CONTACTS + 3, false);
    defer(stop);
    const host = server.hosts.get(DOMAIN);
    if (host === undefined) throw new Error('the server has no host');
    const romeo = await Client.connect(host, 'user0', 'orchard');
    const juliet = await Client.connect(host, 'user1', 'balcony');
    const nurse = [await Client.connect(host, 'user2', 'phone'), await Client.connect(host, 'user2', 'laptop')];
    const contacts: Client[] = [];
    for (let i = 3; i < CONTACTS + 3; i++) contacts.push(await Client.connect(host, `user${i}`, 'home'));
    await befriend(juliet, contacts);
    for (const client of [romeo, juliet, ...nurse, ...contacts]) await client.sends('<presence/>');
    return [
      sending(
        'chat to a full JID',
        romeo,
        `<message to='user1@${DOMAIN}/balcony' type='chat' id='m1'>${CHAT}</message>`,
        [juliet],
      ),
      sending(
        'chat to a bare JID with two devices',
        romeo,
        `<message to='user2@${DOMAIN}' type='chat' id='m2'>${CHAT}</message>`,
        nurse,
      ),
      sending('presence to 20 contacts', juliet, `<presence>${PRESENCE}</presence>`, [juliet, ...contacts]),
      sending('ping to the server', romeo, `<iq type='get' id='p1' to='${DOMAIN}'>${PING}</iq>`, [romeo]),
      sending('roster of 20', juliet, `<iq type='get' id='r1'>${ROSTER}</iq>`, [juliet]),
    ];
  },
};

/** A session and its link, which counts what it is given. */
class Client implements Link {
  readonly bufferedBytes = 0;
  readonly remoteAddress = '127.0.0.1';
  readonly secure = true;
  received = 0;
  readonly #host: Host;
  #account: Account | undefined;
  #session: Session | undefined;

  private constructor(host: Host) {
    this.#host = host;
  }

  static async connect(host: Host, local: string, resource: string): Promise<Client> {
    const client = new Client(host);
    await host.sessions.bind(JID.of(local, host.domain, resource), client, false, ({ account, session }) => {
      client.#account = account;
      client.#session = session;
    });
    return client;
  }

  get account(): Account {
    if (this.#account === undefined) throw new Error('the client is not connected');
    return this.#account;
  }

  get session(): Session {
    if (this.#session === undefined) throw new Error('the client is not connected');
    return this.#session;
  }

  /** Sends one stanza; resolves when the next may follow. */
  async sends(xml: string): Promise<void> {
    await this.#host.fromClient(this.account, this.session, parseStanza(parseElement(xml), undefined));
  }

  /** Sends the same stanza again and again, each time as the parser would hand it on. */
  repeat(xml: string, times: number): void {
    const element = parseElement(xml);
    const inner = xml.slice(xml.indexOf('>') + 1, xml.lastIndexOf('</'));
    const { account, session } = this;
    for (let i = 0; i < times; i++) {
      const done = this.#host.fromClient(account, session, parseStanza(element, inner));
      if (isPromise(done)) throw new Error('a stanza that should pass at once has to wait');
    }
  }

  send(): void {
    this.received++;
  }

  close(): void {
    throw new Error('the server closed a stream of the bench');
  }
}

/** One unit is one stanza of the sender, with all its deliveries; each batch checks that they took place. */
function sending(name: string, from: Client, xml: string, to: readonly Client[]): Case {
  const received = (): number => to.reduce((sum, client) => sum + client.received, 0);
  return onCpu(name, () => {
    const before = received();
    from.repeat(xml, BATCH);
    const deliveries = received() - before;
    if (deliveries !== BATCH * to.length) throw new Error(`${name}: ${deliveries} deliveries`);
    return BATCH;
  });
}

/** Subscribes a client and others to each other's presence. */
async function befriend(client: Client, others: readonly Client[]): Promise<void> {
  for (const other of others) {
    for (const [from, to] of [
      [client, other],
      [other, client],
    ] as const) {
      await from.sends(`<presence type='subscribe' to='${to.account.jid}'/>`);
      await to.account.exclusively(() => undefined);
      await to.sends(`<presence type='subscribed' to='${from.account.jid}'/>`);
      await from.account.exclusively(() => undefined);
    }
  }
}
