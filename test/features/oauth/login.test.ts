import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { register } from '../../../src/features/register.ts';
import { sm } from '../../../src/features/sm/index.ts';
import { child, children, type Element, firstElement, serialize, text } from '../../../src/xml/element.ts';
import {
  BIND,
  conditionOf,
  DOMAIN,
  identifierOf,
  LAPTOP,
  NS_SASL2,
  PHONE,
  REQUEST_TOKEN,
  tokenOf,
} from '../../c2s/sasl2-scene.ts';
import { list, NEW_PASSWORD, NS, NS_CAM, revoke } from '../client-management/scene.ts';
import { applicationWith, bearer, boundBy, type LoginScene, openForLogins } from './login-scene.ts';
import { CLIENT, DISCOVERY, failsWith, HOUR_MS } from './token-scene.ts';

const NS_SASL = 'urn:ietf:params:xml:ns:xmpp-sasl';
const base64 = (data: string): string => Buffer.from(data).toString('base64');
const errorIn = (challenge: Element): unknown => {
  assert.equal(challenge.name, 'challenge', serialize(challenge));
  return JSON.parse(Buffer.from(text(challenge), 'base64').toString());
};
const INVALID = { status: 'invalid_token', 'openid-configuration': DISCOVERY };

/** Sends a message of OAUTHBEARER as RFC 6120 has it. */
async function legacy(scene: LoginScene, message: string) {
  const client = scene.stage.connect('legacy');
  await client.open();
  await client.sends(`<auth xmlns="${NS_SASL}" mechanism="OAUTHBEARER">${base64(message)}</auth>`);
  return { client, answer: await client.next() };
}

/** The owner, with the password. */
async function ownerOf(scene: LoginScene) {
  const client = await scene.connect();
  const answer = await client.plain({ clientId: LAPTOP, children: BIND });
  return boundBy({ client: client.stage, answer });
}

describe('OAUTHBEARER', () => {
  test('is offered beside the other mechanisms, by both kinds of SASL', async (t) => {
    const scene = await openForLogins(t);
    const { features } = await scene.connect();
    assert.ok(features);
    for (const [name, ns] of [
      ['mechanisms', NS_SASL],
      ['authentication', NS_SASL2],
    ] as const) {
      const offer = child(features, name, ns);
      const names = offer && children(offer, 'mechanism').map((mechanism) => text(mechanism));
      assert.deepEqual(names?.slice(-2), ['OAUTHBEARER', 'PLAIN']);
    }
  });

  test('tells clients without a token where to get one: the discovery of XEP-0493', async (t) => {
    const scene = await openForLogins(t);
    const old = await legacy(scene, bearer(''));
    assert.deepEqual(errorIn(old.answer), INVALID);
    await old.client.sends(`<response xmlns="${NS_SASL}">AQ==</response>`);
    assert.equal(firstElement(await old.client.nextNamed('failure'))?.name, 'not-authorized');
    const { client, answer } = await scene.send('');
    assert.deepEqual(errorIn(answer), INVALID);
    await client.sends(`<response xmlns="${NS_SASL2}">AQ==</response>`);
    assert.equal(conditionOf(await client.next()), 'not-authorized');
  });

  test('lets in whoever has a token, by both kinds of SASL', async (t) => {
    const scene = await openForLogins(t);
    const { accessToken, grantId } = await scene.issue('xmpp:client:normal');
    const old = await legacy(scene, bearer(accessToken, `romeo@${DOMAIN}`));
    assert.equal(old.answer.name, 'success');
    await old.client.open();
    await old.client.bind('app');
    assert.equal(old.client.jid, `romeo@${DOMAIN}/app`);
    const { answer } = await scene.send(accessToken, { clientId: PHONE, children: BIND });
    assert.match(identifierOf(answer), /^romeo@stage.example\/Pelican/);
    for (const session of scene.stage.host.account('romeo')?.sessions.values() ?? []) {
      const { mechanism, role, grantId: by } = session.login ?? {};
      assert.deepEqual({ mechanism, role, by }, { mechanism: 'OAUTHBEARER', role: 'normal', by: grantId });
    }
  });

  test('refuses a token that is not for logins, and says which scope it lacks', async (t) => {
    const scene = await openForLogins(t);
    const { accessToken } = await scene.issue('openid profile');
    const { client, answer } = await scene.send(accessToken);
    assert.deepEqual(errorIn(answer), { ...INVALID, status: 'insufficient_scope', scope: 'xmpp' });
    await client.sends(`<response xmlns="${NS_SASL2}">AQ==</response>`);
    assert.equal(conditionOf(await client.next()), 'not-authorized');
  });

  test('refuses refresh tokens, those of others, old ones, and what is none', async (t) => {
    const scene = await openForLogins(t);
    const { accessToken, refreshToken = '' } = await scene.issue();
    assert.deepEqual(errorIn((await scene.send(refreshToken)).answer), INVALID);
    assert.deepEqual(errorIn((await scene.send('secret-token:AAAA')).answer), INVALID);
    const { answer } = await scene.send(accessToken, { authzid: `juliet@${DOMAIN}` });
    assert.equal(conditionOf(answer), 'invalid-authzid');
    await scene.clock.advance(HOUR_MS);
    assert.deepEqual(errorIn((await scene.send(accessToken)).answer), INVALID);
  });

  test('says that an account is disabled to whoever has a token of it', async (t) => {
    const scene = await openForLogins(t);
    const { accessToken } = await scene.issue();
    await scene.users.setDisabled('romeo', true);
    assert.equal(conditionOf((await scene.send(accessToken)).answer), 'account-disabled');
    assert.equal(firstElement((await legacy(scene, bearer(accessToken))).answer)?.name, 'account-disabled');
  });

  test('is bounded on a stream, also for those that never send a token', async (t) => {
    const scene = await openForLogins(t, { config: { auth: { maxFailuresPerStream: 3 } } });
    const client = scene.stage.connect('curious');
    await client.open();
    for (let i = 0; i < 3; i++) {
      await client.sends(`<auth xmlns="${NS_SASL}" mechanism="OAUTHBEARER">${base64(bearer(''))}</auth>`);
      await client.nextNamed('challenge');
      await client.sends(`<response xmlns="${NS_SASL}">AQ==</response>`);
      if (i < 2) await client.nextNamed('failure');
    }
    await client.isClosedWith('policy-violation');
  });
});

describe('A grant for one resource', () => {
  test('binds that one, whatever the client asks for', async (t) => {
    const scene = await openForLogins(t);
    const { accessToken } = await scene.issue('xmpp', { resource: 'backup' });
    const { client } = await legacy(scene, bearer(accessToken));
    await client.open();
    await client.bind('mine');
    assert.equal(client.jid, `romeo@${DOMAIN}/backup`);
    const { answer } = await scene.send(accessToken, { clientId: PHONE, children: BIND });
    assert.equal(identifierOf(answer), `romeo@${DOMAIN}/backup`);
  });

  test('does so for tokens that are derived from it, too', async (t) => {
    const scene = await openForLogins(t);
    const { accessToken } = await scene.issue('xmpp', { resource: 'backup' });
    const { answer } = await scene.send(accessToken, { clientId: PHONE, children: BIND + REQUEST_TOKEN });
    const again = await scene.connect();
    assert.equal(identifierOf(await again.token(tokenOf(answer), { children: BIND })), `romeo@${DOMAIN}/backup`);
  });
});

describe('A token in the place of later tokens', () => {
  test('passes on its role and its end', async (t) => {
    const scene = await openForLogins(t);
    const { accessToken, grantId } = await scene.issue('xmpp:account:read');
    const { answer } = await scene.send(accessToken, { clientId: PHONE, children: BIND + REQUEST_TOKEN });
    const token = tokenOf(answer);
    const again = await scene.connect();
    const second = await again.token(token, { children: BIND });
    const client = await boundBy({ client: again.stage, answer: second });
    await client.sends('<presence/>');
    assert.match(serialize(await client.next()), /<forbidden/);
    await scene.grants.revoke('romeo', grantId);
    await client.isClosedWith('reset');
    assert.equal(conditionOf(await (await scene.connect()).token(token)), 'not-authorized');
  });
});

describe('PLAIN with a token', () => {
  const scope = 'xmpp';

  test('is a login by its grant and not by the password, where the operator allows it', async (t) => {
    const scene = await openForLogins(t, { tokens: { asPasswords: true } });
    const { accessToken } = await scene.issue(scope);
    const client = await scene.connect();
    const upgrade = '<upgrade xmlns="urn:xmpp:sasl:upgrade:0">UPGR-SCRAM-SHA-512</upgrade>';
    const login = { clientId: PHONE, children: BIND + upgrade, password: accessToken };
    await boundBy({ client: client.stage, answer: await client.plain(login) });
    const [entry] = await list(await ownerOf(scene), NS_CAM).then((all) =>
      all.filter(({ auth }) => auth.includes('grant')),
    );
    assert.deepEqual(entry?.auth, ['grant']);
  });

  test('is refused where that is a refresh token, or good for no login', async (t) => {
    const scene = await openForLogins(t, { tokens: { asPasswords: true } });
    const { refreshToken = '' } = await scene.issue(scope);
    const { accessToken } = await scene.issue('openid');
    for (const password of [refreshToken, accessToken]) {
      assert.equal(conditionOf(await (await scene.connect()).plain({ password })), 'not-authorized');
    }
  });

  test('is a wrong password otherwise', async (t) => {
    const scene = await openForLogins(t);
    const { accessToken } = await scene.issue(scope);
    const answer = await (await scene.connect()).plain({ password: accessToken });
    assert.equal(conditionOf(answer), 'not-authorized');
  });
});

describe('The list of clients', () => {
  test('has an application once: as a client if it has logged in, else as a grant', async (t) => {
    const scene = await openForLogins(t);
    await applicationWith(scene, 'xmpp:client:normal');
    await scene.issue('xmpp:account:read openid');
    await scene.clock.advance(1000);
    const all = await list(await ownerOf(scene), NS_CAM);
    const [app, grant, owner] = all;
    assert.equal(all.length, 3);
    assert.deepEqual([app?.type, app?.auth, app?.permission], ['session', ['grant'], 'normal']);
    assert.match(app?.id ?? '', /^client\//);
    assert.match(grant?.id ?? '', /^grant\//);
    assert.deepEqual([grant?.type, grant?.auth, grant?.permission], ['access', ['grant'], 'restricted']);
    assert.deepEqual(owner?.auth, ['password']);
    assert.equal(grant?.software, CLIENT.name);
    const scopes = [...serialize(grant?.element ?? ({} as Element)).matchAll(/<scope>([^<]*)</g)].map(
      ([, name]) => name,
    );
    assert.deepEqual(scopes, ['xmpp:account:read', 'openid']);
  });

  test('says that an application whose token is good for no login is restricted', async (t) => {
    const scene = await openForLogins(t);
    await scene.issue('openid');
    await scene.clock.advance(1000);
    const [grant] = await list(await ownerOf(scene), NS_CAM);
    assert.equal(grant?.permission, 'restricted');
    assert.match(serialize(grant.element), /<scope>openid</);
  });
});

describe('Taking access away', () => {
  test('ends tokens and sessions at once, also those that hibernate', async (t) => {
    const scene = await openForLogins(t, { features: [sm] });
    const issued = await scene.issue();
    const app = await boundBy(await scene.send(issued.accessToken, { clientId: PHONE, children: BIND }));
    const owner = await ownerOf(scene);
    const entry = (await list(owner)).find(({ auth }) => auth.includes('grant'));
    assert.equal(await owner.set(revoke(entry?.id ?? '')), undefined);
    await app.isClosedWith('reset');
    assert.equal(await scene.tokens.verify(issued.accessToken), undefined);
    await failsWith('invalid_grant', () => scene.tokens.refresh(issued.refreshToken ?? '', CLIENT.hash));
    assert.deepEqual(errorIn((await scene.send(issued.accessToken)).answer), INVALID);
    assert.equal((await list(owner)).length, 1);
  });

  test('from a token ends the sessions that were opened by it, and no others of its grant', async (t) => {
    const scene = await openForLogins(t);
    const first = await scene.issue();
    const second = await scene.tokens.refresh(first.refreshToken ?? '', CLIENT.hash);
    const one = await boundBy(await scene.send(first.accessToken, { clientId: PHONE, children: BIND }));
    const other = await boundBy(await scene.send(second.accessToken, { clientId: LAPTOP, children: BIND }));
    await scene.tokens.revoke(first.accessToken);
    await one.isClosedWith('reset');
    await other.get(`<list xmlns="${NS}"/>`);
    await scene.tokens.revoke(second.refreshToken ?? '');
    await other.isClosedWith('reset');
  });

  test('while a client logs in shows it out as soon as it is in', async (t) => {
    const scene = await openForLogins(t);
    const { accessToken } = await scene.issue();
    const { client } = await legacy(scene, bearer(accessToken));
    await client.open();
    await scene.tokens.revoke(accessToken);
    await client.sends('<iq type="set" id="b"><bind xmlns="urn:ietf:params:xml:ns:xmpp-bind"/></iq>');
    await client.isClosedWith('reset');
  });

  test('by another password ends the sessions of applications too', async (t) => {
    const scene = await openForLogins(t, { features: [register] });
    const app = await applicationWith(scene, 'xmpp');
    const owner = await ownerOf(scene);
    await scene.clock.advance(1000);
    await owner.set(NEW_PASSWORD);
    await app.isClosedWith('reset');
    assert.deepEqual(await scene.grants.list('romeo'), []);
  });

  test('works where clients are not managed', async (t) => {
    const scene = await openForLogins(t, { config: { features: { clientManagement: false } } });
    const issued = await scene.issue();
    const app = await boundBy(await scene.send(issued.accessToken, { children: BIND }));
    await scene.grants.revoke('romeo', issued.grantId);
    await app.isClosedWith('reset');
  });
});
