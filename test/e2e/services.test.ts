import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { test } from 'node:test';
import { DOMAIN, LiveServer } from '../support/live-server.ts';
import { connectStanza } from '../support/stanza-client.ts';
import { XmppClient, xml } from '../support/xmpp-client.ts';

const DISCO_INFO = 'http://jabber.org/protocol/disco#info';
const DISCO_ITEMS = 'http://jabber.org/protocol/disco#items';

interface Answer {
  readonly status: number | undefined;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly body: string;
}

/** Asks for a page as a browser that was given the domain would, whatever address it has. */
function fetchPage(url: string, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = url.startsWith('https:') ? httpsRequest : httpRequest;
    const options = { headers: { host: DOMAIN, ...headers }, rejectUnauthorized: false, agent: false };
    const asked = request(url, options, (response) => {
      let body = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        body += chunk;
      });
      response.on('end', () => resolve({ status: response.statusCode, headers: response.headers, body }));
    });
    asked.on('error', reject);
    asked.end();
  });
}

test('a client finds out what the server is and can do', async (t) => {
  const contacts = { abuse: ['mailto:abuse@localhost'] };
  const server = await LiveServer.start(t, { hosts: { [DOMAIN]: { name: 'Verona', contacts } } });
  await server.addUsers('romeo');
  const romeo = await XmppClient.connect(server, 'romeo');

  const info = await romeo.get(xml('query', { xmlns: DISCO_INFO }), DOMAIN);
  const identity = info?.getChild('identity');
  assert.deepEqual(identity?.attrs, { category: 'server', type: 'im', name: 'Verona' });
  const features = info?.getChildren('feature').map((feature) => feature.attrs['var']);
  for (const feature of [
    DISCO_INFO,
    DISCO_ITEMS,
    'urn:xmpp:ping',
    'jabber:iq:version',
    'urn:xmpp:time',
    'jabber:iq:last',
  ]) {
    assert.ok(features?.includes(feature), feature);
  }
  const form = info?.getChild('x', 'jabber:x:data');
  const field = form?.getChildren('field').find((candidate) => candidate.attrs['var'] === 'abuse-addresses');
  assert.equal(field?.getChildText('value'), 'mailto:abuse@localhost');
  assert.equal((await romeo.get(xml('query', { xmlns: DISCO_ITEMS }), DOMAIN))?.name, 'query');

  const account = await romeo.get(xml('query', { xmlns: DISCO_INFO }));
  assert.deepEqual(account?.getChild('identity')?.attrs, { category: 'account', type: 'registered' });
});

test('stanza asks for everything that it knows a server for', async (t) => {
  const server = await LiveServer.start(t);
  await server.addUsers('juliet');
  const juliet = await connectStanza(server, 'juliet');

  assert.equal((await juliet.getDiscoInfo(DOMAIN)).identities[0]?.category, 'server');
  assert.equal((await juliet.getSoftwareVersion(DOMAIN)).name, 'Parley');
  const time = await juliet.getTime(DOMAIN);
  assert.ok(Math.abs(Number(time.utc) - Date.now()) < 5000, String(time.utc));
  assert.ok(Number((await juliet.getLastActivity(DOMAIN)).seconds) >= 0);
  await juliet.ping();
  await juliet.ping(DOMAIN);
});

test('a vCard is kept, and others see it', async (t) => {
  const server = await LiveServer.start(t);
  await server.addUsers('romeo', 'juliet');
  const juliet = await connectStanza(server, 'juliet');
  await juliet.publishVCard({ fullName: 'Giulietta Capuleti ❤', name: { given: 'Giulietta', family: 'Capuleti' } });
  const romeo = await XmppClient.connect(server, 'romeo');
  const card = await romeo.get(xml('vCard', { xmlns: 'vcard-temp' }), 'juliet@localhost');
  assert.equal(card?.getChildText('FN'), 'Giulietta Capuleti ❤');
  assert.equal(card?.getChild('N')?.getChildText('FAMILY'), 'Capuleti');
  assert.equal((await juliet.getVCard(juliet.jid.replace(/\/.*/, ''))).fullName, 'Giulietta Capuleti ❤');
  assert.notEqual(await romeo.refused('set', xml('vCard', { xmlns: 'vcard-temp' }), 'juliet@localhost'), 'none');
});

test('private XML is kept for its owner alone', async (t) => {
  const server = await LiveServer.start(t);
  await server.addUsers('romeo', 'juliet');
  const romeo = await XmppClient.connect(server, 'romeo');
  const query = (...content: ReturnType<typeof xml>[]) => xml('query', { xmlns: 'jabber:iq:private' }, ...content);
  const notes = () => xml('notes', { xmlns: 'urn:example:notes' });
  const written = notes();
  written.append(xml('note', { by: 'friar' }, 'a vial & a dagger'));
  await romeo.set(query(written));

  const read = await romeo.get(query(notes()));
  const note = read?.getChild('notes', 'urn:example:notes')?.getChild('note');
  assert.equal(note?.text(), 'a vial & a dagger');
  assert.equal(note?.attrs['by'], 'friar');
  const juliet = await XmppClient.connect(server, 'juliet');
  assert.notEqual(await juliet.refused('get', query(notes()), 'romeo@localhost'), 'none');
  assert.deepEqual((await juliet.get(query(notes())))?.getChild('notes')?.children, []);
});

test('host-meta leads clients in browsers to the WebSocket', async (t) => {
  const server = await LiveServer.start(t);
  await server.addUsers('juliet');
  const expected = `wss://${DOMAIN}:${server.port('https')}/xmpp-websocket`;
  for (const base of [`http://127.0.0.1:${server.port('http')}`, `https://127.0.0.1:${server.port('https')}`]) {
    const json = await fetchPage(`${base}/.well-known/host-meta.json`, { origin: 'https://web.example' });
    assert.equal(json.status, 200);
    assert.equal(json.headers['access-control-allow-origin'], '*');
    assert.match(String(json.headers['content-type']), /^application\/json/);
    const rel = 'urn:xmpp:alt-connections:websocket';
    assert.deepEqual(JSON.parse(json.body), { links: [{ rel, href: expected }] });
    const xrd = await fetchPage(`${base}/.well-known/host-meta`);
    assert.match(xrd.body, new RegExp(`<Link rel="${rel}" href="${expected}"/>`));
    assert.equal((await fetchPage(`${base}/.well-known/host-meta`, { host: 'elsewhere.example' })).status, 404);
  }
});

test('the health page says ok until the server stops', async (t) => {
  const server = await LiveServer.start(t);
  for (const base of [`http://127.0.0.1:${server.port('http')}`, `https://127.0.0.1:${server.port('https')}`]) {
    const { status, body } = await fetchPage(`${base}/healthz`);
    assert.deepEqual({ status, body: body.trim() }, { status: 200, body: 'ok' });
  }
  await server.stop();
  await assert.rejects(fetchPage(`http://127.0.0.1:${server.port('http')}/healthz`), { code: 'ECONNREFUSED' });
});
