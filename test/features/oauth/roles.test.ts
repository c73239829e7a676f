import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { adHoc } from '../../../src/features/adhoc/index.ts';
import { blocking } from '../../../src/features/blocking/index.ts';
import { carbons } from '../../../src/features/carbons/index.ts';
import { disco } from '../../../src/features/disco/index.ts';
import { externalServices } from '../../../src/features/external-services.ts';
import { mam } from '../../../src/features/mam/index.ts';
import { offline } from '../../../src/features/offline/index.ts';
import { ping } from '../../../src/features/ping.ts';
import { presence } from '../../../src/features/presence/index.ts';
import { privateXml } from '../../../src/features/private-xml.ts';
import { push } from '../../../src/features/push/index.ts';
import { register } from '../../../src/features/register.ts';
import { roster } from '../../../src/features/roster/index.ts';
import { sm } from '../../../src/features/sm/index.ts';
import { vcard } from '../../../src/features/vcard/index.ts';
import { attr, child, serialize } from '../../../src/xml/element.ts';
import { DOMAIN, NS_BIND2, PHONE } from '../../c2s/sasl2-scene.ts';
import { ENABLE, previdOf } from '../client-management/scene.ts';
import { applicationWith, type LoginScene, openForLogins, received } from './login-scene.ts';

const FEATURES = [
  adHoc,
  blocking,
  roster,
  vcard,
  presence,
  mam,
  carbons,
  push,
  offline,
  disco,
  register,
  ping,
  privateXml,
  externalServices,
  sm,
];

const NS_REGISTER = 'jabber:iq:register';
const PASSWORD_CHANGE = `<query xmlns="${NS_REGISTER}"><username>romeo</username><password>thy name</password></query>`;
const REMOVAL = `<query xmlns="${NS_REGISTER}"><remove/></query>`;
const NS_CLIENTS = 'urn:xmpp:cam:0';
const LIST = `<list xmlns="${NS_CLIENTS}"/>`;
const REVOKE = `<revoke xmlns="${NS_CLIENTS}" id="nobody"/>`;
const command = (node: string): string => `<command xmlns="http://jabber.org/protocol/commands" node="${node}"/>`;

/** What reads the data of the account. */
const READ: readonly string[] = [
  '<query xmlns="jabber:iq:roster"/>',
  '<query xmlns="jabber:iq:private"><notes xmlns="urn:example:notes"/></query>',
  '<vCard xmlns="vcard-temp"/>',
  '<blocklist xmlns="urn:xmpp:blocking"/>',
  '<query xmlns="http://jabber.org/protocol/disco#info"/>',
  '<prefs xmlns="urn:xmpp:mam:2"/>',
];
/** What changes it. */
const WRITE: readonly string[] = [
  '<query xmlns="jabber:iq:roster"><item jid="mercutio@example.com" name="M"/></query>',
  '<query xmlns="jabber:iq:private"><notes xmlns="urn:example:notes">note</notes></query>',
  '<vCard xmlns="vcard-temp"><FN>Romeo</FN></vCard>',
  '<block xmlns="urn:xmpp:blocking"><item jid="tybalt@example.com"/></block>',
  '<unblock xmlns="urn:xmpp:blocking"/>',
  '<prefs xmlns="urn:xmpp:mam:2" default="always"/>',
];
/** What has to do with conversations, those of now and those of the past. */
const COMMUNICATE: readonly (readonly ['get' | 'set', string])[] = [
  ['set', '<query xmlns="urn:xmpp:mam:2"/>'],
  ['get', '<query xmlns="urn:xmpp:mam:2"/>'],
  ['get', '<metadata xmlns="urn:xmpp:mam:2"/>'],
  ['set', '<enable xmlns="urn:xmpp:carbons:2"/>'],
  ['set', '<disable xmlns="urn:xmpp:carbons:2"/>'],
  ['set', '<enable xmlns="urn:xmpp:push:0" jid="push.example.com" node="n"/>'],
  ['set', '<disable xmlns="urn:xmpp:push:0" jid="push.example.com"/>'],
];
/** What only the owner may do. */
const OWN: readonly (readonly ['get' | 'set', string])[] = [
  ['set', PASSWORD_CHANGE],
  ['set', REMOVAL],
  ['get', LIST],
  ['set', REVOKE],
  ['set', command('urn:parley:change-password')],
];

function stageOf(t: TestContext): Promise<LoginScene> {
  return openForLogins(t, { features: FEATURES });
}

const SCOPES = ['xmpp:account:read', 'xmpp:account:write'] as const;

for (const scope of SCOPES) {
  describe(`A login of scope ${scope}`, () => {
    test('reads the data of the account', async (t) => {
      const scene = await stageOf(t);
      const app = await applicationWith(scene, scope);
      for (const payload of READ) {
        const answer = await app.ask('get', payload);
        const error = child(answer, 'error');
        if (error !== undefined) assert.match(serialize(error), /item-not-found/, payload);
      }
      await app.get('<ping xmlns="urn:xmpp:ping"/>');
      await app.get('<query xmlns="http://jabber.org/protocol/disco#info"/>', DOMAIN);
    });

    test(`${scope.endsWith('read') ? 'does not change' : 'changes'} it`, async (t) => {
      const scene = await stageOf(t);
      const app = await applicationWith(scene, scope);
      for (const payload of WRITE) {
        if (scope.endsWith('write')) await app.set(payload);
        else assert.equal(await app.refused('set', payload), 'forbidden', payload);
      }
    });

    test('learns nothing of conversations', async (t) => {
      const scene = await stageOf(t);
      const app = await applicationWith(scene, scope);
      for (const [type, payload] of COMMUNICATE) {
        assert.equal(await app.refused(type, payload), 'forbidden', payload);
      }
      const services = '<services xmlns="urn:xmpp:extdisco:2"/>';
      assert.equal(await app.refused('get', services, DOMAIN), 'forbidden');
    });

    test('is not available, and sends nobody anything', async (t) => {
      const scene = await stageOf(t);
      const { romeo: tablet, juliet } = await scene.stage.online({ romeo: 'romeo', juliet: 'juliet' });
      const app = await applicationWith(scene, scope);
      for (const stanza of [
        '<presence/>',
        `<presence to="juliet@${DOMAIN}"/>`,
        `<presence to="juliet@${DOMAIN}" type="subscribe"/>`,
        `<presence to="juliet@${DOMAIN}" type="probe"/>`,
        `<message to="juliet@${DOMAIN}" type="chat"><body>hi</body></message>`,
        `<message to="juliet@${DOMAIN}/juliet"><body>hi</body></message>`,
        '<message><body>to myself</body></message>',
        `<message to="romeo@${DOMAIN}/romeo"><body>to myself</body></message>`,
      ]) {
        await app.sends(stanza);
        assert.match(serialize(await app.next()), /type="error".*<forbidden/, stanza);
      }
      await app.sends('<presence type="unavailable"/>');
      await app.sends(`<iq type="result" id="x" to="juliet@${DOMAIN}/juliet"/>`);
      const version = '<query xmlns="jabber:iq:version"/>';
      for (const to of [`juliet@${DOMAIN}`, `juliet@${DOMAIN}/juliet`, `romeo@${DOMAIN}/romeo`, 'upload.example']) {
        assert.equal(await app.refused('get', version, to), 'forbidden', to);
      }
      await app.receivesNothing();
      await juliet.receivesNothing();
      await tablet.receivesNothing();
    });

    test('receives from nobody: what is sent to it goes where it would go without it', async (t) => {
      const scene = await stageOf(t);
      const { juliet } = await scene.stage.online({ juliet: 'juliet' });
      const app = await applicationWith(scene, scope);
      const to = app.jid;
      await juliet.sends(`<message to="${to}" type="chat"><body>1</body></message>`);
      await juliet.sends(`<message to="romeo@${DOMAIN}" type="chat"><body>2</body></message>`);
      await juliet.sends(`<message to="${to}" type="headline"><body>3</body></message>`);
      await juliet.sends(`<presence to="${to}"/><presence to="${to}" type="error"/>`);
      await juliet.sends(`<message to="${to}" type="error"><body>4</body></message>`);
      assert.equal(await juliet.refused('get', '<query xmlns="jabber:iq:version"/>', to), 'service-unavailable');
      await app.receivesNothing();
      const { romeo } = await scene.stage.connected({ romeo: 'romeo' });
      await romeo.sends('<presence/>');
      const bodies = (await received(romeo)).filter((xml) => xml.startsWith('<message')).join();
      assert.match(bodies, /<body>1<.*<body>2</, 'they waited for a session that may have them');
      assert.doesNotMatch(bodies, /<body>[34]</);
      await app.receivesNothing();
    });

    test('sees changes of the roster, and no copies of messages', async (t) => {
      const scene = await stageOf(t);
      const app = await applicationWith(scene, scope);
      await app.get('<query xmlns="jabber:iq:roster"/>');
      const { romeo, juliet } = await scene.stage.online({ romeo: 'romeo', juliet: 'juliet' });
      await juliet.sends(`<message to="romeo@${DOMAIN}/romeo" type="chat"><body>hi</body></message>`);
      await romeo.set('<query xmlns="jabber:iq:roster"><item jid="nurse@example.com"/></query>');
      const all = await received(app);
      assert.equal(all.length, 1);
      assert.match(all[0] ?? '', /^<iq .*nurse@example.com/);
    });

    test('does nothing that is the owner’s', async (t) => {
      const scene = await stageOf(t);
      const app = await applicationWith(scene, scope);
      for (const [type, payload] of OWN) {
        const condition = await app.refused(type, payload);
        assert.ok(['forbidden', 'item-not-found'].includes(condition), `${payload}: ${condition}`);
      }
      assert.equal(await app.refused('set', PASSWORD_CHANGE, DOMAIN), 'forbidden');
      assert.equal(await app.refused('set', REMOVAL, DOMAIN), 'forbidden');
      assert.ok(await scene.users.exists('romeo'));
    });

    test('gets nothing of conversations along with binding a resource', async (t) => {
      const scene = await stageOf(t);
      const more = '<enable xmlns="urn:xmpp:carbons:2"/>';
      const { accessToken } = await scene.issue(scope);
      const { answer } = await scene.send(accessToken, { children: bind(more), clientId: PHONE });
      const bound = child(answer, 'bound', NS_BIND2);
      assert.ok(bound, serialize(answer));
      assert.doesNotMatch(serialize(bound), /urn:xmpp:mam/);
    });

    test('does not show out those that may talk, by taking their resource', async (t) => {
      const scene = await stageOf(t);
      const { romeo } = await scene.stage.online({ romeo: 'romeo' });
      const { client } = await scene.send((await scene.issue(scope)).accessToken);
      await client.bind('romeo');
      assert.notEqual(client.jid, romeo.jid);
      await romeo.get('<ping xmlns="urn:xmpp:ping"/>');
    });

    test('does not resume a session in which messages wait', async (t) => {
      const scene = await stageOf(t);
      const all = (await scene.issue('xmpp')).accessToken;
      const { client, answer } = await scene.send(all, { children: bind(ENABLE), clientId: PHONE });
      client.transport.break();
      const children = `<resume xmlns="urn:xmpp:sm:3" previd="${previdOf(answer)}" h="0"/>`;
      const restricted = await scene.send((await scene.issue(scope)).accessToken, { children, clientId: PHONE });
      assert.match(serialize(restricted.answer), /<failed [^>]*><item-not-found/);
      const full = await scene.send(all, { children, clientId: PHONE });
      assert.match(serialize(full.answer), /<resumed /);
    });
  });
}

describe('A login of scope xmpp:client:normal', () => {
  test('does what clients do', async (t) => {
    const scene = await stageOf(t);
    const { juliet } = await scene.stage.online({ juliet: 'juliet' });
    const app = await applicationWith(scene, 'xmpp:client:normal');
    await app.sends('<presence/>');
    await app.forget();
    await juliet.sends(`<message to="romeo@${DOMAIN}" type="chat"><body>hi</body></message>`);
    assert.match(serialize(await app.next()), /<body>hi</);
    for (const payload of WRITE) await app.set(payload);
    await app.set('<enable xmlns="urn:xmpp:carbons:2"/>');
    await app.set('<query xmlns="urn:xmpp:mam:2"/>');
    assert.match((await received(app)).join(), /<body>hi</);
  });

  test('changes no password, ends no account, and neither sees nor manages what has access', async (t) => {
    const scene = await stageOf(t);
    const app = await applicationWith(scene, 'xmpp:client:normal');
    for (const [type, payload] of OWN) {
      const condition = await app.refused(type, payload);
      assert.ok(['forbidden', 'item-not-found'].includes(condition), `${payload}: ${condition}`);
    }
    assert.equal(await app.refused('set', PASSWORD_CHANGE, DOMAIN), 'forbidden');
    assert.equal(await app.refused('set', REMOVAL, DOMAIN), 'forbidden');
    const commands = await app.get(
      '<query xmlns="http://jabber.org/protocol/disco#items" node="http://jabber.org/protocol/commands"/>',
      `romeo@${DOMAIN}`,
    );
    assert.ok(commands);
    assert.doesNotMatch(serialize(commands), /password|client/i);
  });

  test('of an administrator administers nothing', async (t) => {
    const scene = await stageOf(t);
    scene.stage.reload({ admins: [`romeo@${DOMAIN}`] });
    const app = await applicationWith(scene, 'xmpp:client:normal');
    const answer = await app.refused(
      'set',
      command('http://jabber.org/protocol/admin#get-registered-users-num'),
      DOMAIN,
    );
    assert.ok(['forbidden', 'item-not-found'].includes(answer));
  });
});

describe('A login of scope xmpp', () => {
  test('does what the owner does', async (t) => {
    const scene = await stageOf(t);
    const app = await applicationWith(scene, 'xmpp');
    const clients = await app.get(LIST);
    assert.equal(clients && attr(clients, 'xmlns'), NS_CLIENTS);
    assert.equal(await app.refused('set', REVOKE), 'item-not-found');
    await app.set(PASSWORD_CHANGE);
  });
});

const bind = (more: string): string => `<bind xmlns="${NS_BIND2}"><tag>Pelican</tag>${more}</bind>`;
