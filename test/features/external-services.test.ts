import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { disco } from '../../src/features/disco/index.ts';
import { externalServices } from '../../src/features/external-services.ts';
import { attr, children, type Element } from '../../src/xml/element.ts';
import { assertXml } from '../support/compare.ts';
import { DOMAIN, Stage } from '../support/stage.ts';

const NS = 'urn:xmpp:extdisco:2';
const SECRET = 'north by north-west';

const STUN = { type: 'stun', host: 'stun.stage.example', port: 3478, transport: 'udp' };
const TURN = {
  type: 'turn',
  host: 'turn.stage.example',
  port: 3478,
  transport: 'udp',
  secret: SECRET,
  ttlMs: 3_600_000,
};
const FILES = {
  type: 'ftp',
  host: '192.0.2.9',
  port: 20,
  transport: 'tcp',
  name: 'Files',
  username: 'guest',
  password: 'well come',
};
const CLOSED = { type: 'turn', host: 'far.stage.example', restricted: true };

function configured(services: readonly object[]) {
  return { features: { externalServices: { services } } };
}

function openStage(t: TestContext, services: readonly object[] = [STUN, TURN, FILES, CLOSED]): Promise<Stage> {
  return Stage.open(t, { features: [disco, externalServices], config: configured(services) });
}

function must(answer: Element | undefined): Element {
  assert.ok(answer);
  return answer;
}

function services(type?: string): string {
  return `<services xmlns="${NS}"${type === undefined ? '' : ` type="${type}"`}/>`;
}

function credentials(...attributes: readonly string[]): string {
  return `<credentials xmlns="${NS}">${attributes.map((one) => `<service ${one}/>`).join('')}</credentials>`;
}

/** What the stage's clock makes of an hour from now. */
const UNTIL = Date.UTC(2026, 0, 1, 1) / 1000;
const TURN_XML = `<service type="turn" host="turn.stage.example" port="3478" transport="udp" restricted="true"
  username="*" password="*" expires="2026-01-01T01:00:00.000Z"/>`;
const FILES_XML = `<service type="ftp" host="192.0.2.9" port="20" transport="tcp" restricted="true" name="Files"
  username="guest" password="well come"/>`;
const CLOSED_XML = '<service type="turn" host="far.stage.example" restricted="true"/>';

test('the server says that it knows of services', async (t) => {
  const stage = await openStage(t, []);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const answer = must(await romeo.get('<query xmlns="http://jabber.org/protocol/disco#info"/>', DOMAIN));
  assert.ok(children(answer, 'feature').some((feature) => attr(feature, 'var') === NS));
  assertXml(must(await romeo.get(services(), DOMAIN)), services());
});

test('all services are told, with credentials where there are some', async (t) => {
  const stage = await openStage(t);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  assertXml(
    must(await romeo.get(services(), DOMAIN)),
    `<services xmlns="${NS}">
       <service type="stun" host="stun.stage.example" port="3478" transport="udp"/>
       ${TURN_XML}${FILES_XML}${CLOSED_XML}
     </services>`,
  );
});

test('services of one type are told', async (t) => {
  const stage = await openStage(t);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const turn = must(await romeo.get(services('turn'), DOMAIN));
  assertXml(turn, `<services xmlns="${NS}" type="turn">${TURN_XML}${CLOSED_XML}</services>`);
  assertXml(must(await romeo.get(services('sip'), DOMAIN)), services('sip'));
});

test('credentials are such as coturn makes of its secret, and tell nobody who uses them', async (t) => {
  const stage = await openStage(t);
  const { phone, laptop, juliet } = await stage.connected({ phone: 'romeo', laptop: 'romeo', juliet: 'juliet' });
  const of = async (client: typeof phone) => {
    const [service] = children(must(await client.get(services('turn'), DOMAIN)), 'service');
    return { username: attr(must(service), 'username') ?? '', password: attr(must(service), 'password') };
  };
  const [first, second, other] = [await of(phone), await of(laptop), await of(juliet)];
  assert.match(first.username, new RegExp(`^${UNTIL}:[A-Za-z0-9_-]{16}$`));
  assert.equal(first.password, createHmac('sha1', SECRET).update(first.username).digest('base64'));
  assert.deepEqual(second, first);
  assert.notEqual(other.username, first.username);
  assert.ok(!/romeo|juliet/.test(first.username + other.username));
});

test('credentials of one service are told', async (t) => {
  const stage = await openStage(t, [STUN, TURN, { ...TURN, port: 5349, transport: 'tcp' }, FILES, CLOSED]);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const get = async (...attributes: readonly string[]) => must(await romeo.get(credentials(...attributes), DOMAIN));
  const tcp = TURN_XML.replace('3478', '5349').replace('udp', 'tcp');
  const host = 'host="turn.stage.example" type="turn"';
  assertXml(await get(host), `<credentials xmlns="${NS}">${TURN_XML}${tcp}</credentials>`);
  for (const one of ['port="5349"', 'transport="tcp"', 'port="5349" transport="tcp"']) {
    assertXml(await get(`${host} ${one}`), `<credentials xmlns="${NS}">${tcp}</credentials>`);
  }
  const files = 'host="192.0.2.9" type="ftp"';
  assertXml(await get(files, files), `<credentials xmlns="${NS}">${FILES_XML}</credentials>`);
});

test('credentials that there are not, or that are not asked for properly, are refused', async (t) => {
  const stage = await openStage(t);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const refusals = [
    [credentials(), 'bad-request'],
    [credentials('type="turn"'), 'bad-request'],
    [credentials('host="turn.stage.example"'), 'bad-request'],
    [credentials('host="turn.stage.example" type="stun"'), 'item-not-found'],
    [credentials('host="turn.stage.example" type="turn" port="1"'), 'item-not-found'],
    [credentials('host="stun.stage.example" type="stun"'), 'item-not-found'],
    [credentials('host="far.stage.example" type="turn"'), 'item-not-found'],
  ] as const;
  for (const [xml, condition] of refusals) assert.equal(await romeo.refused('get', xml, DOMAIN), condition, xml);
});

test('who has asked is told what a reload changes, of the type that it asked for', async (t) => {
  const stage = await openStage(t, [STUN, TURN]);
  const { phone, laptop, juliet } = await stage.connected({ phone: 'romeo', laptop: 'romeo', juliet: 'juliet' });
  for (const type of ['turn', 'ftp']) await phone.get(services(type), DOMAIN);
  for (const type of [undefined, 'turn']) await laptop.get(services(type), DOMAIN);
  stage.reload(configured([{ ...TURN, secret: 'another' }, FILES]));
  const { jid } = phone;
  const turn = TURN_XML.replace('<service', '<service action="modify"');
  const files = FILES_XML.replace('<service', '<service action="add"');
  await phone.receivesAll([
    `<iq type="set" id="*" from="${DOMAIN}" to="${jid}"><services xmlns="${NS}" type="turn">${turn}</services></iq>`,
    `<iq type="set" id="*" from="${DOMAIN}" to="${jid}"><services xmlns="${NS}" type="ftp">${files}</services></iq>`,
  ]);
  await laptop.receivesAll([
    `<iq type="set" id="*" from="${DOMAIN}" to="${laptop.jid}"><services xmlns="${NS}">
       <service action="delete" type="stun" host="stun.stage.example" port="3478" transport="udp"/>${turn}${files}
     </services></iq>`,
  ]);
  await juliet.receivesNothing();
  stage.reload(configured([{ ...TURN, secret: 'another' }, FILES]));
  await phone.receivesNothing();
  assertXml(must(await juliet.get(services('stun'), DOMAIN)), services('stun'));
});

test('no more types are remembered of a session than there is use for', async (t) => {
  const stage = await openStage(t, []);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const long = 'x'.repeat(65);
  await romeo.get(services(long), DOMAIN);
  for (let i = 0; i < 20; i++) await romeo.get(services(`type-${i}`), DOMAIN);
  const of = (type: string) => ({ type, host: 'x.stage.example' });
  stage.reload(configured([of('type-7'), of('type-8'), of('type-19'), of(long)]));
  const pushed = '<service action="add" type="type-7" host="x.stage.example"/>';
  await romeo.receivesAll([
    `<iq type="set" id="*" from="${DOMAIN}" to="${romeo.jid}"><services xmlns="${NS}" type="type-7">${pushed}</services></iq>`,
  ]);
});

test('secrets of services are not printed', async (t) => {
  const stage = await openStage(t);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  await romeo.get(services(), DOMAIN);
  const printed = JSON.stringify([stage.settings.current, stage.log.records]);
  for (const secret of [SECRET, 'well come']) assert.ok(!printed.includes(secret));
});

test('a service that makes no sense is refused with the configuration', async (t) => {
  for (const wrong of [
    { host: 'x' },
    { type: 'stun' },
    { ...STUN, port: 0 },
    { ...STUN, transport: 'pigeon' },
    { ...TURN, ttlMs: 5 },
  ]) {
    await assert.rejects(openStage(t, [wrong]), /features.externalServices.services/);
  }
});
