import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { describe, test } from 'node:test';
import { xmppAddresses } from '../../src/sasl/external.ts';
import { CLIENT_CERTIFICATES } from './certificates.ts';
import { Accounts, contextOf, failsWith, mechanismOf, start } from './scene.ts';

const external = mechanismOf('EXTERNAL');

function certificate(name: keyof typeof CLIENT_CERTIFICATES): X509Certificate {
  return new X509Certificate(Buffer.from(CLIENT_CERTIFICATES[name], 'base64'));
}

async function authorize(name: keyof typeof CLIENT_CERTIFICATES, accounts: readonly string[], authzid = '') {
  const credentials = new Accounts();
  for (const account of accounts) await credentials.add(account, {});
  const exchange = start(external, contextOf(credentials, { peerCertificate: certificate(name) }));
  const step = await exchange.step(Buffer.from(authzid));
  return step.kind === 'success' ? step.jid.toString() : step.kind;
}

describe('EXTERNAL', () => {
  test('is offered to whoever showed a certificate under TLS', () => {
    const peerCertificate = certificate('one');
    const accounts = new Accounts();
    assert.equal(external.usable(contextOf(accounts, { peerCertificate })), true);
    assert.equal(external.usable(contextOf(accounts, { peerCertificate, secure: false })), false);
    assert.equal(external.usable(contextOf(accounts)), false);
  });

  test('takes the one address of the certificate', async () => {
    assert.equal(await authorize('one', ['juliet']), 'juliet@capulet.example');
    assert.equal(await authorize('one', ['juliet'], 'Juliet@Capulet.example'), 'juliet@capulet.example');
  });

  test('takes the one address that is an account here', async () => {
    assert.equal(await authorize('several', ['nurse']), 'nurse@capulet.example');
  });

  test('wants to know which of several accounts is meant', async () => {
    await failsWith('invalid-authzid', () => authorize('several', ['juliet', 'nurse']));
    assert.equal(await authorize('several', ['juliet', 'nurse'], 'nurse@capulet.example'), 'nurse@capulet.example');
  });

  test('refuses an address that is not in the certificate', async () => {
    await failsWith('invalid-authzid', () => authorize('one', ['juliet', 'nurse'], 'nurse@capulet.example'));
    await failsWith('invalid-authzid', () => authorize('one', ['juliet'], 'juliet'));
    await failsWith('invalid-authzid', () => authorize('one', ['juliet'], 'juliet@capulet.example/balcony'));
  });

  test('refuses an address of another host', async () => {
    await failsWith('invalid-authzid', () => authorize('several', ['juliet'], 'juliet@montague.example'));
  });

  test('refuses an address without account', async () => {
    await failsWith('not-authorized', () => authorize('one', []));
    await failsWith('not-authorized', () => authorize('one', [], 'juliet@capulet.example'));
  });

  test('does not take a DNS name or an e-mail address for an account', async () => {
    await failsWith('not-authorized', () => authorize('none', ['juliet']));
    await failsWith('invalid-authzid', () => authorize('none', ['juliet'], 'juliet@capulet.example'));
  });

  test('passes over names that are no bare JID, and is not led astray by commas', async () => {
    assert.deepEqual(xmppAddresses(certificate('odd')), [
      'a,othername:XmppAddr:juliet@capulet.example',
      'Zoë@capulet.example',
      'juliet@capulet.example/balcony',
      'not an address',
      'capulet.example',
      'dzoë@capulet.example',
      'ö,ë@capulet.example',
    ]);
    await failsWith('not-authorized', () => authorize('odd', ['juliet']));
    assert.equal(await authorize('odd', ['juliet', 'zoë']), 'zoë@capulet.example');
  });

  test('refuses an authzid that is not UTF-8', async () => {
    const exchange = start(external, contextOf(new Accounts(), { peerCertificate: certificate('one') }));
    await failsWith('malformed-request', () => exchange.step(Buffer.from([0xff])));
  });

  test('asks for the authzid when there was no initial response', async () => {
    const exchange = start(external, contextOf(new Accounts(), { peerCertificate: certificate('one') }));
    assert.equal((await exchange.step(undefined)).kind, 'challenge');
  });
});
