import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { chmod, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { type CertificateOptions, Certificates } from '../../src/tls/certificates.ts';
import { systemClock } from '../../src/util/clock.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { certificateFor, temporaryFolder, writePair } from './fixtures.ts';

const DAY_MS = 86_400_000;
const clock = systemClock;

test('the first start makes a certificate that only the owner can read, and the second one keeps it', async (t) => {
  const dataDir = await temporaryFolder(t);
  const options: CertificateOptions = { hosts: ['localhost'], dataDir, clock };
  const first = (await Certificates.open(options)).fingerprint('localhost');
  assert.match(first, /^([0-9A-F]{2}:){31}[0-9A-F]{2}$/);
  assert.deepEqual((await readdir(join(dataDir, 'tls'))).sort(), ['localhost.crt', 'localhost.key']);
  for (const name of ['localhost.crt', 'localhost.key'])
    assert.equal((await stat(join(dataDir, 'tls', name))).mode & 0o777, 0o600);
  assert.equal((await Certificates.open(options)).fingerprint('localhost'), first);
});

test('a self-signed certificate about to expire is made anew', async (t) => {
  const dataDir = await temporaryFolder(t);
  const manual = new ManualClock();
  const options: CertificateOptions = { hosts: ['localhost'], dataDir, clock: manual };
  const first = (await Certificates.open(options)).fingerprint('localhost');
  await manual.advance((3653 - 15) * DAY_MS);
  assert.equal((await Certificates.open(options)).fingerprint('localhost'), first);
  await manual.advance(2 * DAY_MS);
  const later = await Certificates.open(options);
  assert.notEqual(later.fingerprint('localhost'), first);
  assert.deepEqual(later.describe()[0]?.warnings, []);
});

test('a damaged self-signed certificate is reported with its remedy and not overwritten', async (t) => {
  const dataDir = await temporaryFolder(t);
  const options: CertificateOptions = { hosts: ['localhost'], dataDir, clock };
  await Certificates.open(options);
  const path = join(dataDir, 'tls', 'localhost.crt');
  await writeFile(path, 'rubbish');
  await assert.rejects(Certificates.open(options), {
    name: 'CertificateError',
    message: `${path} is not a PEM certificate: it has no complete "-----BEGIN CERTIFICATE-----" block; remove ${path} and ${path.replace('crt', 'key')} to have new ones made`,
  });
  assert.equal(await readFile(path, 'utf8'), 'rubbish');
});

test('a lost key of a self-signed certificate is reported, a lost certificate made anew', async (t) => {
  const dataDir = await temporaryFolder(t);
  const options: CertificateOptions = { hosts: ['localhost'], dataDir, clock };
  await Certificates.open(options);
  await rm(join(dataDir, 'tls', 'localhost.key'));
  await assert.rejects(Certificates.open(options), /cannot read .*localhost\.key: no such file; remove/);
  await rm(join(dataDir, 'tls', 'localhost.crt'));
  await Certificates.open(options);
});

test('an unwritable data directory is reported', { skip: process.getuid?.() === 0 }, async (t) => {
  const dataDir = await temporaryFolder(t);
  await chmod(dataDir, 0o500);
  t.after(() => chmod(dataDir, 0o700));
  await assert.rejects(
    Certificates.open({ hosts: ['localhost'], dataDir, clock }),
    /cannot write .*localhost\.crt: permission denied/,
  );
});

test('a host that is no domain name is refused', async (t) => {
  const dataDir = await temporaryFolder(t);
  await assert.rejects(Certificates.open({ hosts: ['../etc'], dataDir, clock }), /is not a domain name/);
});

test('an international domain gets a certificate in its ASCII form', async (t) => {
  const dataDir = await temporaryFolder(t);
  const certificates = await Certificates.open({ hosts: ['bücher.example'], dataDir, clock });
  assert.equal(certificates.describe()[0]?.host, 'xn--bcher-kva.example');
  assert.deepEqual(certificates.describe()[0]?.warnings, []);
  assert.equal(certificates.fingerprint('bücher.example'), certificates.fingerprint('xn--bcher-kva.example'));
});

test('a description says what an operator wants to know', async (t) => {
  const folder = await temporaryFolder(t);
  const defaults = await writePair(folder, 'a', await certificateFor('a.example'));
  const certificates = await Certificates.open({ hosts: ['a.example', 'b.example'], dataDir: folder, defaults, clock });
  const [a, b] = certificates.describe();
  assert.equal(a?.subject, 'CN=a.example');
  assert.equal(a?.issuer, 'CN=a.example');
  assert.equal(a?.selfSigned, true);
  assert.equal(a?.source, defaults.certificate);
  assert.deepEqual(a?.warnings, []);
  assert.deepEqual(b?.warnings, ['does not name b.example']);
});

test('expired and expiring certificates are taken at start, with a warning', async (t) => {
  const folder = await temporaryFolder(t);
  const now = Date.UTC(2026, 0, 1);
  const manual = new ManualClock(now);
  const defaults = await writePair(folder, 'a', await certificateFor('a.example', now - 3650 * DAY_MS));
  const certificates = await Certificates.open({ hosts: ['a.example'], dataDir: folder, defaults, clock: manual });
  const warning = () => certificates.describe()[0]?.warnings[0] ?? '';
  assert.match(warning(), /^expires in 3 days, on Jan /);
  await manual.advance(2 * DAY_MS);
  assert.match(warning(), /^expires in 1 day, on /);
  await manual.advance(1.5 * DAY_MS);
  assert.match(warning(), /^expired on Jan /);
});

test('each way in which files can be wrong has its own message', async (t) => {
  const folder = await temporaryFolder(t);
  const good = await certificateFor('a.example');
  const other = await certificateFor('b.example');
  const cases: [name: string, certificate: string, key: string, message: RegExp][] = [
    ['empty', '', good.key, /empty\.pem is not a PEM certificate/],
    ['swapped', good.key, good.certificate, /holds a private key where a certificate is expected/],
    ['twice', good.certificate, good.certificate, /holds a certificate where a private key is expected/],
    ['no-key', good.certificate, 'rubbish', /no-key-key\.pem is not a PEM private key/],
    [
      'mismatch',
      good.certificate,
      other.key,
      /mismatch-key\.pem does not belong to the certificate in .*mismatch\.pem/,
    ],
    ['order', other.certificate + good.certificate, good.key, /own certificate must come first/],
    ['cut', good.certificate.slice(0, 400), good.key, /is not a PEM certificate/],
    ['broken', good.certificate.replace(/\n.{64}\n/, '\n'), good.key, /certificate 1 of the file is damaged/],
    [
      'chain',
      `${good.certificate}-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`,
      good.key,
      /certificate 2/,
    ],
    ['broken-key', good.certificate, good.key.replace(/\n.{64}\n/, '\n'), /broken-key-key\.pem is damaged/],
  ];
  for (const [name, certificate, key, message] of cases) {
    const defaults = await writePair(folder, name, { certificate, key });
    await assert.rejects(Certificates.open({ hosts: ['a.example'], dataDir: folder, defaults, clock }), message, name);
  }
  const absent = { certificate: join(folder, 'absent.pem'), key: join(folder, 'absent.pem') };
  await assert.rejects(
    Certificates.open({ hosts: ['a.example'], dataDir: folder, defaults: absent, clock }),
    /cannot read .*absent\.pem: no such file/,
  );
});

test('a key may be encrypted, and given as text instead of a file', async (t) => {
  const folder = await temporaryFolder(t);
  const { certificate, key } = await certificateFor('a.example');
  const encrypted = createPrivateKey(key)
    .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-128-cbc', passphrase: 'sesame' })
    .toString();
  const source = await writePair(folder, 'a', { certificate, key: encrypted });
  const open = (defaults: CertificateOptions['defaults']) =>
    Certificates.open({ hosts: ['a.example'], dataDir: folder, defaults, clock });
  await open({ ...source, passphrase: { reveal: () => 'sesame' } });
  await open({ ...source, key: { reveal: () => key } });
  await assert.rejects(open(source), /a-key\.pem is encrypted and needs a passphrase/);
  await assert.rejects(open({ ...source, passphrase: 'wrong' }), /cannot be decrypted: wrong passphrase/);
});

test('an unusable cipher list is reported', async (t) => {
  const folder = await temporaryFolder(t);
  const defaults = await writePair(folder, 'a', await certificateFor('a.example'));
  const options: CertificateOptions = { hosts: ['a.example'], dataDir: folder, defaults, clock, ciphers: 'NONSENSE' };
  await assert.rejects(Certificates.open(options), /a\.pem cannot be used for TLS: .*no cipher match/i);
});

test('reload reports the hosts that changed', async (t) => {
  const folder = await temporaryFolder(t);
  const defaults = await writePair(folder, 'a', await certificateFor('a.example'));
  const own = await writePair(folder, 'b', await certificateFor('b.example'));
  const options: CertificateOptions = {
    hosts: ['a.example', 'b.example'],
    dataDir: folder,
    defaults,
    perHost: new Map([['b.example', own]]),
    clock,
  };
  const certificates = await Certificates.open(options);
  assert.deepEqual(await certificates.reload(options), { changed: [] });
  await writePair(folder, 'b', await certificateFor('b.example', Date.now() - DAY_MS));
  assert.deepEqual(await certificates.reload(options), { changed: ['b.example'] });
});

test('a bad reload changes nothing', async (t) => {
  const folder = await temporaryFolder(t);
  const defaults = await writePair(folder, 'a', await certificateFor('a.example'));
  const options: CertificateOptions = { hosts: ['a.example'], dataDir: folder, defaults, clock };
  const certificates = await Certificates.open(options);
  const before = certificates.fingerprint('a.example');
  await writePair(folder, 'a', await certificateFor('a.example', Date.now() - 3660 * DAY_MS));
  await assert.rejects(certificates.reload(options), /a\.pem: the certificate expired on /);
  await writePair(folder, 'a', await certificateFor('a.example', Date.now() + 10 * DAY_MS));
  await assert.rejects(certificates.reload(options), /a\.pem: the certificate is not valid before /);
  await writeFile(defaults.certificate, 'rubbish');
  await assert.rejects(certificates.reload(options), /not a PEM certificate/);
  assert.equal(certificates.fingerprint('a.example'), before);
});
