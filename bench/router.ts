import { parseStanza } from '../src/stanza.ts';
import { isPromise } from '../src/util/awaitable.ts';
import { parseElement } from '../src/xml/parser.ts';
import { LinkedClient } from '../test/support/linked-client.ts';
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
    const romeo = await LinkedClient.bind(host, 'user0', 'orchard');
    const juliet = await LinkedClient.bind(host, 'user1', 'balcony');
    const nurse = [await LinkedClient.bind(host, 'user2', 'phone'), await LinkedClient.bind(host, 'user2', 'laptop')];
    const contacts: LinkedClient[] = [];
    for (let i = 3; i < CONTACTS + 3; i++) contacts.push(await LinkedClient.bind(host, `user${i}`, 'home'));
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

/** Sends the same stanza again and again, each time as the parser would hand it on. */
function repeat({ host, account, session }: LinkedClient, xml: string, times: number): void {
  const element = parseElement(xml);
  const inner = xml.slice(xml.indexOf('>') + 1, xml.lastIndexOf('</'));
  for (let i = 0; i < times; i++) {
    const done = host.fromClient(account, session, parseStanza(element, inner));
    if (isPromise(done)) throw new Error('a stanza that should pass at once has to wait');
  }
}

/** One unit is one stanza of the sender, with all its deliveries; each batch checks that they took place. */
function sending(name: string, from: LinkedClient, xml: string, to: readonly LinkedClient[]): Case {
  const received = (): number => to.reduce((sum, client) => sum + client.received, 0);
  return onCpu(name, () => {
    const before = received();
    repeat(from, xml, BATCH);
    const deliveries = received() - before;
    if (deliveries !== BATCH * to.length) throw new Error(`${name}: ${deliveries} deliveries`);
    return BATCH;
  });
}

/** Subscribes a client and others to each other's presence. */
async function befriend(client: LinkedClient, others: readonly LinkedClient[]): Promise<void> {
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
