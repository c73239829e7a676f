import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DOMAIN, eventually, LiveServer } from '../support/live-server.ts';
import { connectStanza } from '../support/stanza-client.ts';
import { XmppClient, xml } from '../support/xmpp-client.ts';

const ROMEO = `romeo@${DOMAIN}`;
const JULIET = `juliet@${DOMAIN}`;
const NS_MAM = 'urn:xmpp:mam:2';
const NS_RSM = 'http://jabber.org/protocol/rsm';

test('a device that was off, and one that is new, read what they have missed', async (t) => {
  const server = await LiveServer.start(t);
  await server.addUsers('romeo', 'juliet');
  const romeo = await XmppClient.online(server, 'romeo');
  const phone = await XmppClient.online(server, 'juliet', { resource: 'phone' });
  for (let i = 0; i < 30; i++) await romeo.chat(JULIET, `message ${i}`);
  for (let i = 0; i < 30; i++) await phone.nextMessage();
  await phone.chat(ROMEO, 'that is a lot');
  await phone.settled();
  const web = await connectStanza(server, 'juliet');
  const expected = [...Array.from({ length: 30 }, (_, i) => `message ${i}`), 'that is a lot'];
  const bodies: string[] = [];
  let after: string | undefined;
  for (let complete = false; !complete; ) {
    const page = await web.searchHistory({ paging: { max: 7, ...(after === undefined ? {} : { after }) } });
    bodies.push(...(page.results ?? []).map(({ item }) => item.message?.body ?? ''));
    assert.equal(page.paging?.count, 31);
    after = page.paging?.last;
    complete = page.complete === true;
  }
  assert.deepEqual(bodies, expected);
  const latest = await web.searchHistory({ with: ROMEO, paging: { max: 2, before: '' } });
  assert.deepEqual(
    latest.results?.map(({ item }) => item.message?.body),
    expected.slice(-2),
  );
});

test('what arrives while a device reads its archive is neither lost nor doubled', async (t) => {
  const server = await LiveServer.start(t);
  await server.addUsers('romeo', 'juliet');
  const romeo = await XmppClient.online(server, 'romeo');
  const juliet = await XmppClient.online(server, 'juliet');
  const count = 200;
  const sending = (async () => {
    for (let i = 0; i < count; i++) await romeo.chat(JULIET, `message ${i}`);
  })();
  const known = new Map<string, string>();
  const read = async (): Promise<void> => {
    for (let after: string | undefined; ; ) {
      const set = xml(
        'set',
        { xmlns: NS_RSM },
        xml('max', {}, '20'),
        ...(after === undefined ? [] : [xml('after', {}, after)]),
      );
      const fin = await juliet.set(xml('query', { xmlns: NS_MAM }, set));
      after = fin?.getChild('set', NS_RSM)?.getChildText('last') ?? after;
      if (fin?.attrs['complete'] === 'true') return;
    }
  };
  await read();
  await sending;
  await eventually(
    'all have arrived',
    () => juliet.received.filter((s) => s.getChildText('body') !== null).length === count,
  );
  await read();
  for (const stanza of juliet.received) {
    const result = stanza.getChild('result', NS_MAM);
    const message = result?.getChild('forwarded', 'urn:xmpp:forward:0')?.getChild('message', 'jabber:client') ?? stanza;
    const id = result?.attrs['id'] ?? stanza.getChild('stanza-id', 'urn:xmpp:sid:0')?.attrs['id'];
    const body = message.getChildText('body');
    if (id === undefined || body === null) continue;
    assert.equal(known.get(id) ?? body, body);
    known.set(id, body);
  }
  const inOrder = [...known].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, body]) => body);
  assert.deepEqual(
    inOrder,
    Array.from({ length: count }, (_, i) => `message ${i}`),
  );
});
