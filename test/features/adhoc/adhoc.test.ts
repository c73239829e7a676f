import assert from 'node:assert/strict';
import { test } from 'node:test';
import { adHoc } from '../../../src/features/adhoc/api.ts';
import { LIFETIME_MS, MAX_OF_ACCOUNT } from '../../../src/features/adhoc/executions.ts';
import { attr, children, type Element } from '../../../src/xml/element.ts';
import { assertXml } from '../../support/compare.ts';
import { subscribers } from '../../support/presence.ts';
import { DOMAIN } from '../../support/stage.ts';
import { command, conditionsOf, lamps, NS, notesOf, openStage, ROMEO, Walk } from './scene.ts';

const LAMP = 'urn:example:lamp';
const LIST = 'urn:example:list';
const RESET = 'urn:example:reset';
const ITEMS = `<query xmlns="http://jabber.org/protocol/disco#items" node="${NS}"/>`;

function info(node: string): string {
  return `<query xmlns="http://jabber.org/protocol/disco#info" node="${node}"/>`;
}

function must(answer: Element | undefined): Element {
  assert.ok(answer);
  return answer;
}

test('the server and accounts say that they have commands', async (t) => {
  const stage = await openStage(t);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  for (const to of [DOMAIN, ROMEO]) {
    const answer = must(await romeo.get('<query xmlns="http://jabber.org/protocol/disco#info"/>', to));
    assert.ok(
      children(answer, 'feature').some((feature) => attr(feature, 'var') === NS),
      to,
    );
  }
});

test('owners find their commands at their own address and at that of the host', async (t) => {
  const stage = await openStage(t);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  for (const to of [DOMAIN, ROMEO]) {
    assertXml(
      must(await romeo.get(ITEMS, to)),
      `<query xmlns="http://jabber.org/protocol/disco#items" node="${NS}">
         <item jid="${to}" node="${LIST}" name="List the lamps"/>
         <item jid="${to}" node="${LAMP}" name="Set a lamp"/>
         <item jid="${to}" node="urn:example:broken" name="Mend the lamps"/>
         <item jid="${to}" node="urn:parley:account-password" name="Change the password of your account"/>
       </query>`,
    );
    assertXml(
      must(await romeo.get(info(NS), to)),
      `<query xmlns="http://jabber.org/protocol/disco#info" node="${NS}">
         <identity category="automation" type="command-list" name="Commands"/><feature var="${NS}"/>
       </query>`,
    );
    assertXml(
      must(await romeo.get(info(LAMP), to)),
      `<query xmlns="http://jabber.org/protocol/disco#info" node="${LAMP}">
         <identity category="automation" type="command-node" name="Set a lamp"/>
         <feature var="${NS}"/><feature var="jabber:x:data"/>
       </query>`,
    );
  }
});

test('administrators find and run the commands of the server at the host, nobody else does', async (t) => {
  const stage = await openStage(t);
  const { romeo, nurse } = await stage.connected({ romeo: 'romeo', nurse: 'nurse' });
  const nodes = async (to: string) =>
    children(must(await nurse.get(ITEMS, to)), 'item').map((item) => attr(item, 'node'));
  assert.ok((await nodes(DOMAIN)).includes(RESET));
  assert.ok(!(await nodes(`nurse@${DOMAIN}`)).includes(RESET));
  assert.deepEqual(notesOf(await new Walk(nurse, RESET, DOMAIN).step()), ['info: It is dark.']);
  const [logged] = stage.log.records.filter(({ event }) => event === 'adhoc.command');
  assert.deepEqual(logged?.fields, { feature: 'adHoc', jid: nurse.jid, node: RESET });
  assert.deepEqual(await new Walk(nurse, RESET).refused(), ['cancel', 'item-not-found']);
  assert.deepEqual(await new Walk(romeo, RESET, DOMAIN).refused(), ['cancel', 'forbidden']);
  assert.equal(await romeo.refused('get', info(RESET), DOMAIN), 'forbidden');
});

test('who is an administrator no longer has no more commands of the server, in the same session', async (t) => {
  const stage = await openStage(t);
  const { nurse } = await stage.connected({ nurse: 'nurse' });
  stage.settings.current = { ...stage.settings.current, admins: [] };
  assert.deepEqual(await new Walk(nurse, RESET, DOMAIN).refused(), ['cancel', 'forbidden']);
});

test("nobody finds or runs the commands of another's account", async (t) => {
  const stage = await openStage(t, [lamps, subscribers('juliet')]);
  const { juliet, tybalt } = await stage.connected({ romeo: 'romeo', juliet: 'juliet', tybalt: 'tybalt' });
  assert.equal(await juliet.refused('set', command(LIST), ROMEO), 'forbidden');
  assert.equal(await juliet.refused('get', ITEMS, ROMEO), 'item-not-found');
  assert.equal(await juliet.refused('get', info(LIST), ROMEO), 'item-not-found');
  assert.equal(await tybalt.refused('set', command(LIST), ROMEO), 'service-unavailable');
});

test('a command without a form is completed at once, with a table', async (t) => {
  const stage = await openStage(t);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  for (const attributes of ['action="execute"', '', 'status="completed"']) {
    assertXml(
      must(await romeo.set(command(LIST, attributes), DOMAIN)),
      `<command xmlns="${NS}" sessionid="*" node="${LIST}" status="completed" xml:lang="en">
         <x xmlns="jabber:x:data" type="result">
           <title>Lamps</title>
           <reported><field var="lamp" label="Lamp"/><field var="light" label="Light"/></reported>
           <item><field var="lamp"><value>hall</value></field><field var="light"><value>30</value></field></item>
           <item><field var="lamp"><value>garden</value></field><field var="light"><value/></field></item>
         </x>
       </command>`,
    );
  }
});

const FIRST_STAGE = (
  value = '',
) => `<command xmlns="${NS}" sessionid="*" node="${LAMP}" status="executing" xml:lang="en">
  <actions execute="next"><next/></actions>
  <x xmlns="jabber:x:data" type="form">
    <title>Lamps</title><instructions>Which lamp?</instructions>
    <field var="lamp" type="list-single" label="Lamp"><required/>${value}
      <option label="In the hall"><value>hall</value></option><option><value>garden</value></option>
    </field>
  </x>
</command>`;

test('a command with two stages goes forth, back and forth again, and is completed', async (t) => {
  const stage = await openStage(t);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const walk = new Walk(romeo, LAMP);
  assertXml(await walk.step(), FIRST_STAGE());
  const { id } = walk;
  const second = `<command xmlns="${NS}" sessionid="${id}" node="${LAMP}" status="executing" xml:lang="en">
    <actions execute="complete"><prev/><complete/></actions>
    <note type="warn">It is dark.</note>
    <x xmlns="jabber:x:data" type="form">
      <field var="light" type="text-single" label="Light"><required/>
        <validate xmlns="http://jabber.org/protocol/xdata-validate" datatype="xs:integer"><range min="0" max="100"/></validate>
        <value>50</value>
      </field>
    </x>
  </command>`;
  assertXml(await walk.step({ lamp: 'hall' }), second);
  assertXml(await walk.step(undefined, 'prev'), FIRST_STAGE('<value>hall</value>'));
  assertXml(await walk.step({ lamp: 'garden' }, 'next'), second);
  assertXml(
    await walk.step({ light: '70' }),
    `<command xmlns="${NS}" sessionid="${id}" node="${LAMP}" status="completed" xml:lang="en">
       <note type="info">garden is at 70.</note>
     </command>`,
  );
  assert.deepEqual(await walk.refused({ light: '70' }), ['cancel', 'not-allowed', 'session-expired']);
});

test('a command is cancelled, and then is over', async (t) => {
  const stage = await openStage(t);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const walk = new Walk(romeo, LAMP, DOMAIN);
  await walk.step();
  assertXml(
    await walk.step(undefined, 'cancel'),
    `<command xmlns="${NS}" sessionid="${walk.id}" node="${LAMP}" status="canceled" xml:lang="en"/>`,
  );
  assert.deepEqual(await walk.refused(undefined, 'cancel'), ['cancel', 'not-allowed', 'session-expired']);
});

test('a command that fails is completed with an error in a note', async (t) => {
  const stage = await openStage(t);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  assertXml(
    await new Walk(romeo, 'urn:example:broken').step(),
    `<command xmlns="${NS}" sessionid="*" node="urn:example:broken" status="completed" xml:lang="en">
       <note type="error">There is no ladder.</note>
     </command>`,
  );
});

test('actions that do not exist or do not fit are told apart', async (t) => {
  const stage = await openStage(t);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const malformed = ['modify', 'bad-request', 'malformed-action'];
  const bad = ['modify', 'bad-request', 'bad-action'];
  const walk = new Walk(romeo, LAMP);
  assert.deepEqual(await walk.refused(undefined, 'jump'), malformed);
  for (const action of ['next', 'prev', 'complete', 'cancel']) assert.deepEqual(await walk.refused({}, action), bad);
  await walk.step();
  assert.deepEqual(await walk.refused({ lamp: 'hall' }, 'jump'), malformed);
  assert.deepEqual(await walk.refused({ lamp: 'hall' }, 'complete'), bad);
  assert.deepEqual(await walk.refused(undefined, 'prev'), bad);
  assert.equal(attr(await walk.step({ lamp: 'hall' }), 'status'), 'executing');
});

test('a form that does not fit is refused, and the execution stays where it is', async (t) => {
  const stage = await openStage(t);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const walk = new Walk(romeo, LAMP);
  await walk.step();
  const refused = ['modify', 'bad-request', 'bad-payload'];
  for (const fields of [undefined, {}, { lamp: '' }, { lamp: 'cellar' }]) {
    assert.deepEqual(await walk.refused(fields), refused);
  }
  await walk.step({ lamp: 'hall' });
  for (const light of ['', '-1', '101', '1.5', 'much', '1e1']) assert.deepEqual(await walk.refused({ light }), refused);
  assert.deepEqual(notesOf(await walk.step({ light: '100' })), ['info: hall is at 100.']);
});

test('a form that was dismissed counts as filled in', async (t) => {
  const stage = await openStage(t);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const walk = new Walk(romeo, LAMP);
  await walk.step();
  const xml = command(LAMP, `sessionid="${walk.id}"`, { lamp: 'hall' }).replace('"submit"', '"cancel"');
  assert.equal(attr(must(await romeo.set(xml)), 'status'), 'executing');
});

test('English is spoken, whatever the stream says; another language that a command asks for is refused', async (t) => {
  const stage = await openStage(t);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  for (const lang of ['en', 'en-GB', 'EN-us']) await romeo.set(command(LIST, `xml:lang="${lang}"`));
  const answer = await romeo.ask('set', command(LIST, 'xml:lang="fr-ca"'));
  assert.deepEqual(conditionsOf(answer), ['modify', 'bad-request', 'bad-locale']);
});

test('commands that do not exist, or have no node, are refused', async (t) => {
  const stage = await openStage(t);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  for (const to of [DOMAIN, ROMEO]) {
    assert.equal(await romeo.refused('set', command('urn:example:door'), to), 'item-not-found');
    assert.equal(await romeo.refused('get', info('urn:example:door'), to), 'item-not-found');
    assert.equal(await romeo.refused('set', `<command xmlns="${NS}"/>`, to), 'bad-request');
  }
});

test('an execution belongs to the session, the address and the command that began it', async (t) => {
  const stage = await openStage(t);
  const { phone, laptop, juliet } = await stage.connected({ phone: 'romeo', laptop: 'romeo', juliet: 'juliet' });
  const walk = new Walk(phone, LAMP, DOMAIN);
  await walk.step();
  const strange = ['modify', 'bad-request', 'bad-sessionid'];
  const others = [
    new Walk(laptop, LAMP, DOMAIN),
    new Walk(juliet, LAMP, DOMAIN),
    new Walk(phone, LAMP),
    new Walk(phone, LIST, DOMAIN),
  ];
  for (const other of others) {
    other.id = walk.id;
    for (const action of [undefined, 'next', 'cancel'])
      assert.deepEqual(await other.refused({ lamp: 'hall' }, action), strange);
  }
  const made = await phone.ask('set', command(LAMP, 'sessionid=""', { lamp: 'hall' }), DOMAIN);
  assert.deepEqual(conditionsOf(made), strange);
  assert.equal(attr(await walk.step({ lamp: 'hall' }), 'status'), 'executing');
});

test('an execution waits for its next step for a time, and each step renews it', async (t) => {
  const stage = await openStage(t);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const walk = new Walk(romeo, LAMP);
  await walk.step();
  await stage.clock.advance(LIFETIME_MS - 1000);
  await walk.step({ lamp: 'hall' });
  await stage.clock.advance(LIFETIME_MS - 1000);
  await walk.step(undefined, 'prev');
  await stage.clock.advance(LIFETIME_MS);
  assert.deepEqual(await walk.refused({ lamp: 'hall' }), ['cancel', 'not-allowed', 'session-expired']);
});

test('of too many executions of an account the oldest gives way', async (t) => {
  const stage = await openStage(t);
  const { phone, laptop } = await stage.connected({ phone: 'romeo', laptop: 'romeo' });
  const walks = Array.from({ length: MAX_OF_ACCOUNT + 1 }, (_, i) => new Walk(i % 2 === 0 ? phone : laptop, LAMP));
  for (const walk of walks) await walk.step();
  const [first, second] = walks;
  assert.deepEqual(await first?.refused({ lamp: 'hall' }), ['cancel', 'not-allowed', 'session-expired']);
  assert.ok(await second?.step({ lamp: 'hall' }));
});

test('what a session began ends with it: the same resource cannot go on', async (t) => {
  const stage = await openStage(t);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const walk = new Walk(romeo, LAMP);
  await walk.step();
  await romeo.sends('</stream:stream>');
  const { romeo: again } = await stage.connected({ romeo: 'romeo' });
  const other = new Walk(again, LAMP);
  other.id = walk.id;
  assert.deepEqual(await other.refused({ lamp: 'hall' }), ['cancel', 'not-allowed', 'session-expired']);
});

test('while a step is not finished, however long it takes, no other is taken', async (t) => {
  let finish = (): void => {};
  const slow = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const stage = await openStage(t, [
    {
      name: 'slow',
      specs: [],
      setup(host) {
        host.use(adHoc).add({
          node: 'urn:example:slow',
          name: 'Wait',
          permission: 'communicate',
          async execute({ action }) {
            if (action === 'begin') return { form: { fields: [] } };
            await slow;
            return {};
          },
        });
      },
    },
  ]);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const walk = new Walk(romeo, 'urn:example:slow', DOMAIN);
  await walk.step();
  const first = walk.refused();
  await stage.clock.advance(stage.settings.current.limits.timeouts.iqMs);
  assert.deepEqual(await first, ['cancel', 'internal-server-error']);
  assert.equal(stage.bugs().length, 1);
  assert.deepEqual(await walk.refused(), ['wait', 'unexpected-request']);
  finish();
  await romeo.forget();
  assert.deepEqual(await walk.refused(), ['cancel', 'not-allowed', 'session-expired']);
});

test('two commands of one node are an error of the program', async (t) => {
  await assert.rejects(openStage(t, [lamps, { ...lamps, name: 'more' }]), /two commands have the node/);
});
