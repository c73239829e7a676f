import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LiveServer } from '../support/live-server.ts';
import { RawClient } from '../support/raw-client.ts';
import { connectStanza } from '../support/stanza-client.ts';
import { XmppClient, xml } from '../support/xmpp-client.ts';

/** Planted wherever a secret can stand, each as it is and in the base64 of PLAIN. */
const SECRETS = ['planted-password', 'planted-new-password', 'planted-wrong-password', 'planted-body', 'planted-card'];
const [PASSWORD = '', NEW_PASSWORD = '', WRONG_PASSWORD = '', BODY = '', CARD = ''] = SECRETS;

test('no password and no content of a stanza is logged at any level', async (t) => {
  const server = await LiveServer.start(t, { registration: { enabled: true, rateLimit: null } });
  await server.addUsers('juliet');
  const register = `<query xmlns='jabber:iq:register'><username>romeo</username><password>${PASSWORD}</password></query>`;
  const stranger = await RawClient.connectTls(server, 'c2sTls');
  await stranger.open();
  await stranger.ask(`<iq type='set' id='r'>${register}</iq>`);
  await stranger.ask(`<iq type='set' id='r2'>${register}</iq>`);

  for (const mechanism of ['PLAIN', 'SCRAM-SHA-1']) {
    await XmppClient.connect(server, 'romeo', { password: PASSWORD, mechanism });
    await assert.rejects(XmppClient.connect(server, 'romeo', { password: WRONG_PASSWORD, mechanism }));
    await assert.rejects(XmppClient.connect(server, WRONG_PASSWORD.slice(8), { password: WRONG_PASSWORD, mechanism }));
  }
  await assert.rejects(connectStanza(server, 'romeo', { password: WRONG_PASSWORD }));
  const romeo = await XmppClient.online(server, 'romeo', { password: PASSWORD });
  const query = { xmlns: 'jabber:iq:register' };
  await romeo.set(xml('query', query, xml('username', {}, 'romeo'), xml('password', {}, NEW_PASSWORD)), 'localhost');

  const juliet = await XmppClient.connect(server, 'juliet');
  for (const to of ['juliet@localhost', juliet.jid, 'nobody@localhost', 'elsewhere.example', 'localhost']) {
    await romeo.chat(to, BODY);
    await romeo.send(xml('iq', { to, type: 'get', id: 'x' }, xml('query', { xmlns: 'urn:example:none' }, BODY)));
  }
  await romeo.send(xml('presence', {}, xml('status', {}, BODY)));
  await romeo.set(xml('vCard', { xmlns: 'vcard-temp' }, xml('NOTE', {}, CARD)));
  await romeo.set(xml('query', { xmlns: 'jabber:iq:private' }, xml('n', { xmlns: 'urn:example:n' }, CARD)));
  await romeo.settled();
  const broken = [
    `<message><body>${BODY}</message>`,
    `<message to='${BODY}&bad;'/>`,
    `<auth>${BODY}</auth>`,
    `<${BODY}/>`,
  ];
  for (const bad of broken) {
    const raw = await RawClient.logIn(server, 'juliet');
    raw.write(bad);
    await raw.closed();
  }
  const injected = Buffer.from(`\0${PASSWORD}`).toString('base64');
  const malformed = await RawClient.connectTls(server, 'c2sTls');
  await malformed.open();
  malformed.write(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${injected}</auth>`);
  await malformed.until(/<failure /);
  await server.stop();

  const log = server.lines.join('');
  assert.match(log, /"event":"login.succeeded"/);
  assert.match(log, /"event":"login.failed"/);
  assert.match(log, /"event":"stanza.received"/);
  for (const secret of SECRETS) {
    assert.ok(!log.includes(secret), `${secret} is in the log: ${server.lines.find((line) => line.includes(secret))}`);
    const encoded = Buffer.from(`\0romeo\0${secret}`).toString('base64').slice(0, 24);
    assert.ok(!log.includes(encoded), `${secret} is in the log, encoded`);
  }
  assert.ok(!log.includes(injected));
});
