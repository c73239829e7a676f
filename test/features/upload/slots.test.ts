import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attr, child, firstElement, serialize } from '../../../src/xml/element.ts';
import { assertXml } from '../../support/compare.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { DOMAIN } from '../../support/stage.ts';
import { NS, NS_PURPOSE, open, SERVICE, slot, slotRequest, until } from './scene.ts';

const INFO = '<query xmlns="http://jabber.org/protocol/disco#info"/>';
const ITEMS = '<query xmlns="http://jabber.org/protocol/disco#items"/>';

test('the service is an item of the host and says what it is and how large a file may be', async (t) => {
  const { stage } = await open(t, { upload: { maxFileBytes: 5_242_880 } });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const items = await romeo.get(ITEMS, DOMAIN);
  assertXml(
    items ?? assert.fail(),
    `<query xmlns="http://jabber.org/protocol/disco#items"><item jid="${SERVICE}" name="HTTP File Upload"/></query>`,
  );
  const info = await romeo.get(INFO, SERVICE);
  assertXml(
    info ?? assert.fail(),
    `<query xmlns="http://jabber.org/protocol/disco#info">
       <identity category="store" type="file" name="HTTP File Upload"/>
       <feature var="http://jabber.org/protocol/disco#info"/>
       <feature var="http://jabber.org/protocol/disco#items"/>
       <feature var="${NS}"/>
       <feature var="${NS_PURPOSE}#ephemeral"/>
       <feature var="${NS_PURPOSE}#message"/>
       <feature var="${NS_PURPOSE}#permanent"/>
       <feature var="${NS_PURPOSE}#profile"/>
       <x type="result" xmlns="jabber:x:data">
         <field var="FORM_TYPE" type="hidden"><value>${NS}</value></field>
         <field var="max-file-size"><value>5242880</value></field>
       </x>
     </query>`,
  );
  assert.equal(serialize((await romeo.get(ITEMS, SERVICE)) ?? assert.fail()).includes('<item'), false);
  assert.equal(await romeo.refused('get', INFO.replace('/>', ' node="x"/>'), SERVICE), 'item-not-found');
});

test('a slot has the same unguessable URL to put to and to get from, with the name of the file', async (t) => {
  const { stage } = await open(t);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const { put, get } = await slot(romeo, { filename: 'très cool.jpg', size: '23456', 'content-type': 'image/jpeg' });
  assert.match(put, /^https:\/\/stage\.example:5281\/upload\/stage\.example\/[0-9a-f]{32}\/tr%C3%A8s%20cool\.jpg$/);
  assert.equal(put, get);
  assert.notEqual((await slot(romeo)).put, (await slot(romeo)).put);
});

test('the URL is the public one, of the server or of the files alone', async (t) => {
  const http = { publicUrl: 'https://chat.example/xmpp/' };
  const proxied = await open(t, { config: { http } });
  const { romeo } = await proxied.stage.connected({ romeo: 'romeo' });
  assert.match((await slot(romeo)).get, /^https:\/\/chat\.example\/xmpp\/upload\/stage\.example\//);
  const apart = await open(t, { config: { http }, upload: { publicUrl: 'https://files.example/' } });
  const { juliet } = await apart.stage.connected({ juliet: 'juliet' });
  assert.match((await slot(juliet)).get, /^https:\/\/files\.example\/upload\/stage\.example\//);
});

test('names are names and nothing more', async (t) => {
  const { stage } = await open(t);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  for (const [filename, segment] of [
    ['../../etc/passwd', '.._.._etc_passwd'],
    ['..', 'file'],
    ['.', 'file'],
    [' ', 'file'],
    ['C:\\autoexec.bat', 'C%3A_autoexec.bat'],
    ['a&#9;b&#10;c', 'a_b_c'],
    ['%2e%2e', '%252e%252e'],
    ['a%2Fb', 'a%252Fb'],
    ['photo\u202egpj.exe', 'photo_gpj.exe'],
    ['a?b#c', 'a%3Fb%23c'],
    ['<b>&quot;.html'.replace('<', '&lt;'), '%3Cb%3E%22.html'],
    ['😀.png', '%F0%9F%98%80.png'],
  ] as const) {
    const { get } = await slot(romeo, { filename });
    assert.equal(get.split('/').at(-1), segment, filename);
    assert.equal(new URL(get).href, get, 'the URL is what it seems');
  }
});

test('a request that is malformed is refused', async (t) => {
  const { stage } = await open(t);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  for (const attributes of [
    { filename: '' },
    { filename: 'ä'.repeat(513) },
    { size: '' },
    { size: '0' },
    { size: '-1' },
    { size: '1.5' },
    { size: '0x10' },
    { size: 'Infinity' },
    { 'content-type': 'nonsense' },
    { 'content-type': 'text/plain&#13;&#10;Set-Cookie: a=b' },
    { 'content-type': `text/${'a'.repeat(260)}` },
  ]) {
    const condition = await romeo.refused('get', slotRequest(attributes), SERVICE);
    assert.equal(condition, 'bad-request', JSON.stringify(attributes));
  }
  const withoutName = `<request xmlns="${NS}" size="5"/>`;
  assert.equal(await romeo.refused('get', withoutName, SERVICE), 'bad-request');
  assert.equal(await romeo.refused('get', `<request xmlns="${NS}" filename="a"/>`, SERVICE), 'bad-request');
  assert.equal(await romeo.refused('set', slotRequest({}), SERVICE), 'service-unavailable');
  assert.ok(await slot(romeo, { 'content-type': 'text/plain; charset=&quot;utf-8&quot;', filename: 'ä'.repeat(512) }));
  assert.ok(await slot(romeo, { 'content-type': '' }));
});

test('a file that is too large is refused with the size that is not', async (t) => {
  const { stage } = await open(t, { upload: { maxFileBytes: 20_000 } });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  for (const size of ['20001', '9'.repeat(30)]) {
    const answer = await romeo.ask('get', slotRequest({ size }), SERVICE);
    assertXml(
      child(answer, 'error') ?? assert.fail(serialize(answer)),
      `<error type="modify">
         <not-acceptable xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/>
         <text xmlns="urn:ietf:params:xml:ns:xmpp-stanzas" xml:lang="en">File too large. The maximum file size is 20000 bytes</text>
         <file-too-large xmlns="${NS}"><max-file-size>20000</max-file-size></file-too-large>
       </error>`,
    );
  }
  assert.ok(await slot(romeo, { size: '20000' }));
});

test('only users of the host get slots, not its guests unless that is wanted', async (t) => {
  const config = { auth: { mechanisms: ['ANONYMOUS', 'PLAIN'] } };
  for (const guests of [false, true]) {
    const { stage } = await open(t, { config, upload: { guests } });
    const guest = stage.connect('guest');
    await guest.open();
    await guest.sends("<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='ANONYMOUS'/>");
    await guest.nextNamed('success');
    await guest.open();
    await guest.bind('x');
    if (guests) assert.ok(await slot(guest));
    else {
      const answer = await guest.ask('get', slotRequest({}), SERVICE);
      const error = child(answer, 'error') ?? assert.fail(serialize(answer));
      assert.deepEqual([attr(error, 'type'), firstElement(error)?.name], ['auth', 'forbidden']);
    }
  }
});

test('the host itself is no upload service, nor is anybody at the service', async (t) => {
  const { stage } = await open(t);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  assert.equal(await romeo.refused('get', slotRequest({}), DOMAIN), 'service-unavailable');
  assert.equal(await romeo.refused('get', slotRequest({}), `juliet@${SERVICE}`), 'service-unavailable');
  assert.equal(await romeo.refused('get', slotRequest({}), `${SERVICE}/x`), 'service-unavailable');
  assert.equal(await romeo.refused('get', '<ping xmlns="urn:xmpp:ping"/>', SERVICE), 'service-unavailable');
  await romeo.sends(`<message to="${SERVICE}" id="m"><body>hello</body></message>`);
  const error = child(await romeo.nextNamed('message'), 'error');
  assert.equal(error && firstElement(error)?.name, 'service-unavailable');
  await romeo.sends(`<presence to="${SERVICE}"/><iq type="result" id="r" to="${SERVICE}"/>`);
  await romeo.receivesNothing();
});

test('without an address that has TLS there are no slots', async (t) => {
  const { stage } = await open(t, { config: { listen: { https: [] } } });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  assert.equal(await romeo.refused('get', slotRequest({}), SERVICE), 'service-unavailable');
});

test('what is uploaded in a day has a limit, which ends with the day', async (t) => {
  const clock = new ManualClock(Date.UTC(2026, 0, 1, 23, 50));
  const { stage, upload } = await open(t, { upload: { dailyBytesPerAccount: 10 }, clock });
  const { romeo, juliet } = await stage.connected({ romeo: 'romeo', juliet: 'juliet' });
  await upload(romeo, '12345678');
  const answer = await romeo.ask('get', slotRequest({ size: '3' }), SERVICE);
  assertXml(
    child(answer, 'error') ?? assert.fail(serialize(answer)),
    `<error type="wait">
       <resource-constraint xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/>
       <text xmlns="urn:ietf:params:xml:ns:xmpp-stanzas" xml:lang="en">*</text>
       <retry xmlns="${NS}" stamp="2026-01-02T00:00:00.000Z"/>
     </error>`,
  );
  assert.ok(await slot(romeo, { size: '2' }));
  assert.ok(await slot(juliet, { size: '10' }));
  await clock.advance(600_000);
  assert.ok(await slot(romeo, { size: '10' }));
});

test('a clock that is set back and forth gives nobody more than a day has', async (t) => {
  class Wandering extends ManualClock {
    ahead = 0;
    override now(): number {
      return super.now() + this.ahead;
    }
  }
  const clock = new Wandering(Date.UTC(2026, 0, 2, 0, 1));
  const { stage, files } = await open(t, { upload: { dailyBytesPerAccount: 10 }, clock });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  await slot(romeo, { size: '8' });
  clock.ahead = -120_000;
  await slot(romeo, { size: '1' });
  clock.ahead = 0;
  for (let minute = 0; minute < 6; minute++) await clock.advance(60_000);
  await until('both slots are over', async () => (await files.usage('romeo')).files === 0);
  const { bytes, todayBytes } = await files.usage('romeo');
  assert.deepEqual([bytes, todayBytes], [0, 0]);
  await slot(romeo, { size: '10' });
  assert.equal(await romeo.refused('get', slotRequest({ size: '1' }), SERVICE), 'resource-constraint');
});

test('the quota of an account counts slots, and says when a file will make room', async (t) => {
  const limits = { quotaBytesPerAccount: 10, expireAfterDays: 1 };
  const { stage, upload } = await open(t, { upload: limits });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  await upload(romeo, '12345');
  await slot(romeo, { size: '4' });
  const answer = await romeo.ask('get', slotRequest({ size: '2' }), SERVICE);
  const error = child(answer, 'error') ?? assert.fail(serialize(answer));
  assert.equal(firstElement(error)?.name, 'resource-constraint');
  assert.match(serialize(error), /remove some/);
  assert.equal(attr(child(error, 'retry', NS) ?? assert.fail(), 'stamp'), '2026-01-02T00:00:00.000Z');
  assert.ok(await slot(romeo, { size: '1' }));
});

test('a quota that no waiting helps against names no time', async (t) => {
  const { stage, upload } = await open(t, { upload: { filesPerAccount: 1 } });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  await upload(romeo, '12345');
  const answer = await romeo.ask('get', slotRequest({}), SERVICE);
  const error = child(answer, 'error') ?? assert.fail(serialize(answer));
  assert.equal(attr(error, 'type'), 'wait');
  assert.equal(child(error, 'retry', NS), undefined);
});

test('slots asked for at once do not get past the quota', async (t) => {
  const { stage, files } = await open(t, { upload: { quotaBytesPerAccount: 100 } });
  const { phone, laptop } = await stage.connected({ phone: 'romeo', laptop: 'romeo' });
  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, i) =>
      (i % 2 === 0 ? phone : laptop).ask('get', slotRequest({ size: '10' }), SERVICE),
    ),
  );
  assert.equal(answers.filter((answer) => attr(answer, 'type') === 'result').length, 10);
  assert.equal((await files.usage('romeo')).bytes, 100);
});

test('slots that are not used are bounded, and give back what they promised', async (t) => {
  const { stage, files } = await open(t);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  for (let i = 0; i < 50; i++) await slot(romeo);
  const answer = await romeo.ask('get', slotRequest({}), SERVICE);
  const retry = child(child(answer, 'error') ?? assert.fail(serialize(answer)), 'retry', NS);
  assert.equal(retry && attr(retry, 'stamp'), '2026-01-01T00:05:00.000Z');
  await stage.clock.advance(0);
  for (let minute = 0; minute < 6; minute++) await stage.clock.advance(60_000);
  assert.ok(await slot(romeo));
  // The others are removed from the disk as well, which takes its time.
  const until = performance.now() + 20_000;
  while ((await files.usage('romeo')).files > 1 && performance.now() < until) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { files: count, bytes, todayBytes } = await files.usage('romeo');
  assert.deepEqual([count, bytes, todayBytes], [1, 5, 5]);
});

test('purposes that are not offered, unknown or twofold are refused', async (t) => {
  const { stage } = await open(t, { upload: { purposes: ['profile'] } });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const purpose = (name: string, more = ''): string => `<${name} xmlns="${NS_PURPOSE}"${more}/>`;
  const refused = (inner: string) => romeo.refused('get', slotRequest({}, inner), SERVICE);
  assert.ok(await slot(romeo, {}, purpose('message')));
  assert.ok(await slot(romeo, {}, purpose('profile')));
  assert.equal(await refused(purpose('permanent')), 'feature-not-implemented');
  assert.equal(await refused(purpose('eternal')), 'feature-not-implemented');
  assert.equal(await refused(purpose('message') + purpose('profile')), 'bad-request');
  assert.ok(await slot(romeo, {}, '<other xmlns="urn:other"/>'));
  const features = serialize((await romeo.get(INFO, SERVICE)) ?? assert.fail());
  assert.match(features, /#profile"/);
  assert.doesNotMatch(features, /#permanent"/);
});

test('files of profiles have limits of their own', async (t) => {
  const { stage } = await open(t, { upload: { profileFileBytes: 10, profileBytesPerAccount: 15 } });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const profile = `<profile xmlns="${NS_PURPOSE}"/>`;
  const answer = await romeo.ask('get', slotRequest({ size: '11' }, profile), SERVICE);
  assert.match(serialize(answer), /<max-file-size>10<\/max-file-size>/);
  assert.ok(await slot(romeo, { size: '10' }, profile));
  assert.equal(await romeo.refused('get', slotRequest({ size: '6' }, profile), SERVICE), 'resource-constraint');
  assert.ok(await slot(romeo, { size: '5' }, profile));
  assert.ok(await slot(romeo, { size: '11' }));
});

test('an ephemeral file needs a time to come when it is gone', async (t) => {
  const { stage } = await open(t);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const ephemeral = (time: string): string => `<ephemeral xmlns="${NS_PURPOSE}" expire-before="${time}"/>`;
  for (const time of [
    '',
    'tomorrow',
    '2026-01-01',
    '2026-13-01T00:00:00Z',
    '2025-12-31T23:59:59Z',
    '2026-01-01T00:00:00Z',
  ]) {
    assert.equal(await romeo.refused('get', slotRequest({}, ephemeral(time)), SERVICE), 'bad-request', time);
  }
  assert.equal(
    await romeo.refused('get', slotRequest({}, `<ephemeral xmlns="${NS_PURPOSE}"/>`), SERVICE),
    'bad-request',
  );
  assert.ok(await slot(romeo, {}, ephemeral('2026-01-01T02:00:00+01:00')));
});
