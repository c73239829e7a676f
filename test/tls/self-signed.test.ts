import assert from 'node:assert/strict';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { test } from 'node:test';
import { certificateFor } from './fixtures.ts';

const DAY_MS = 86_400_000;

test('a self-signed certificate names the host and each of its services', async () => {
  const { certificate, key } = await certificateFor('example.org');
  const leaf = new X509Certificate(certificate);
  for (const service of ['', 'conference.', 'upload.', 'pubsub.', 'proxy.'])
    assert.equal(leaf.checkHost(`${service}example.org`), `${service}example.org`);
  assert.equal(leaf.checkHost('other.example.org'), undefined);
  assert.equal(leaf.subject, 'CN=example.org');
  assert.equal(leaf.ca, false);
  assert.ok(leaf.verify(leaf.publicKey));
  assert.ok(leaf.checkPrivateKey(createPrivateKey(key)));
  assert.equal(leaf.publicKey.asymmetricKeyDetails?.modulusLength, 2048);
  assert.match(leaf.serialNumber, /^[4-7][0-9A-F]{31}$/);
});

test('a certificate for localhost names the loopback addresses too', async () => {
  const leaf = new X509Certificate((await certificateFor('localhost')).certificate);
  assert.equal(leaf.checkHost('localhost'), 'localhost');
  assert.equal(leaf.checkIP('127.0.0.1'), '127.0.0.1');
  assert.equal(leaf.checkIP('::1'), '::1');
});

test('a certificate for an address names the address only', async () => {
  const leaf = new X509Certificate((await certificateFor('192.0.2.7')).certificate);
  assert.equal(leaf.subjectAltName, 'IP Address:192.0.2.7');
});

test('it is valid from a day ago for ten years', async () => {
  const now = Date.UTC(2026, 5, 1);
  const leaf = new X509Certificate((await certificateFor('example.org', now)).certificate);
  assert.equal(Date.parse(leaf.validFrom), now - DAY_MS);
  assert.equal(Date.parse(leaf.validTo), now + 3653 * DAY_MS);
});

test('a domain too long for a common name is named by its alternative names', async () => {
  const host = `${'a'.repeat(60)}.${'b'.repeat(60)}.example`;
  const leaf = new X509Certificate((await certificateFor(host)).certificate);
  assert.equal(leaf.subject, 'CN=XMPP server');
  assert.equal(leaf.checkHost(host), host);
});
