import assert from 'node:assert/strict';
import { test } from 'node:test';
import { claimsOf } from '../../../src/features/oauth/userinfo-claims.ts';
import { parseElement } from '../../../src/xml/parser.ts';
import { ISSUER, open } from './scene.ts';

const CARD = `<vCard xmlns='vcard-temp'>
  <FN>Romeo Montague</FN><N><FAMILY>Montague</FAMILY><GIVEN>Romeo</GIVEN><MIDDLE/></N>
  <NICKNAME>Ro</NICKNAME><URL>https://montague.example/</URL><BDAY>1580-05-01</BDAY>
  <PHOTO><EXTVAL>https://montague.example/me.png</EXTVAL></PHOTO>
  <EMAIL><USERID>old@montague.example</USERID></EMAIL>
  <EMAIL><PREF/><USERID>romeo@montague.example</USERID></EMAIL>
  <TEL><HOME/><NUMBER>+39 045 000000</NUMBER></TEL>
  <ADR><STREET>Via Arche Scaligere 4</STREET><EXTADD>2nd floor</EXTADD><LOCALITY>Verona</LOCALITY>
    <PCODE>37121</PCODE><CTRY>Italy</CTRY></ADR>
</vCard>`;

function bearer(token: string) {
  return { headers: { authorization: `Bearer ${token}` } };
}

test('a client is told whose token it has, and no more without further scopes', async (t) => {
  const { register, tokensFor, http, stage } = await open(t);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  await romeo.set(CARD);
  const { access } = await tokensFor(await register(), 'openid');
  for (const method of ['GET', 'POST']) {
    const answer = await http(method, '/oauth2/userinfo', bearer(access));
    assert.deepEqual([answer.status, answer.json], [200, { iss: ISSUER, sub: 'xmpp:romeo@stage.example' }]);
    assert.equal(answer.headers['cache-control'], 'no-store');
  }
});

test('each scope gives what the vCard has of it', async (t) => {
  const { register, tokensFor, http, stage } = await open(t);
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  await romeo.set(CARD);
  const client = await register();
  const claims = async (scope: string) => {
    const { access } = await tokensFor(client, `openid ${scope}`);
    const { iss, sub, ...rest } = (await http('GET', '/oauth2/userinfo', bearer(access))).json;
    assert.deepEqual([iss, sub], [ISSUER, 'xmpp:romeo@stage.example']);
    return rest;
  };
  assert.deepEqual(await claims('profile'), {
    name: 'Romeo Montague',
    family_name: 'Montague',
    given_name: 'Romeo',
    nickname: 'Ro',
    picture: 'https://montague.example/me.png',
    website: 'https://montague.example/',
    birthdate: '1580-05-01',
  });
  assert.deepEqual(await claims('email'), { email: 'romeo@montague.example', email_verified: false });
  assert.deepEqual(await claims('phone'), { phone_number: '+39 045 000000', phone_number_verified: false });
  assert.deepEqual(await claims('address'), {
    address: {
      street_address: 'Via Arche Scaligere 4\n2nd floor',
      locality: 'Verona',
      postal_code: '37121',
      country: 'Italy',
    },
  });
});

test('what a vCard says may be of any kind, and claims are what they must be', () => {
  const all = ['profile', 'email', 'phone', 'address'];
  const card = `<vCard xmlns='vcard-temp'><FN> </FN><URL>javascript:alert(1)</URL><BDAY>yesterday</BDAY>
    <PHOTO><BINVAL>AAAA</BINVAL></PHOTO><EMAIL/><TEL/><ADR><CTRY> </CTRY></ADR></vCard>`;
  assert.deepEqual(claimsOf(parseElement(card), all), {});
});

test('without a token, with a bad one, and without openid there is nothing', async (t) => {
  const { register, tokensFor, http } = await open(t);
  const client = await register();
  const none = await http('GET', '/oauth2/userinfo');
  assert.equal(none.status, 401);
  assert.doesNotMatch(String(none.headers['www-authenticate']), /error/);
  const { access, refresh } = await tokensFor(client, 'xmpp email');
  for (const token of ['guessed', refresh]) {
    const bad = await http('GET', '/oauth2/userinfo', bearer(token));
    assert.deepEqual([bad.status, bad.json['error']], [401, 'invalid_token']);
    assert.match(String(bad.headers['www-authenticate']), /^Bearer .*error="invalid_token"/);
  }
  const narrow = await http('GET', '/oauth2/userinfo', bearer(access));
  assert.deepEqual([narrow.status, narrow.json['error']], [403, 'insufficient_scope']);
  assert.match(String(narrow.headers['www-authenticate']), /error="insufficient_scope".*scope="openid"/);
  const inQuery = await http('GET', `/oauth2/userinfo?access_token=${encodeURIComponent(access)}`);
  assert.equal(inQuery.status, 401);
});
