import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { announcedBindings, downgradeAttributes, offerHash } from '../../src/sasl/downgrade.ts';
import { selectMechanisms } from '../../src/sasl/mechanisms.ts';
import { Sasl1 } from '../../src/sasl/sasl1.ts';
import { LoginThrottle } from '../../src/sasl/throttle.ts';
import { el, text } from '../../src/xml/element.ts';
import { NS_SASL } from '../../src/xml/ns.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { ScramClient } from '../support/scram-client.ts';
import { Accounts, contextOf, julietWith, mechanisms } from './scene.ts';

const BINDINGS = ['tls-server-end-point', 'tls-exporter'];
const SHA_1 = ['SCRAM-SHA-1-PLUS', 'SCRAM-SHA-1'];

describe('The hash of the offer', () => {
  test('matches the vectors, in whatever order the offer was', () => {
    assert.equal(offerHash('SHA-1', SHA_1, BINDINGS), 'G6k/rBLDqgOhRRaCuuatSDFkJ08=');
    const all = [...SHA_1, 'SCRAM-SHA-256', 'SCRAM-SHA-256-PLUS'];
    assert.equal(offerHash('SHA-256', all, BINDINGS), 'DiH10h/+iKy8nQZJ+5mswopQ3TcNKFyU22RB46m2ews=');
    assert.equal(offerHash('SHA-256', all.reverse(), [...BINDINGS].reverse()), offerHash('SHA-256', all, BINDINGS));
  });

  test('differs when anything is taken away, the bindings too', () => {
    const hashes = [
      offerHash('SHA-1', SHA_1, BINDINGS),
      offerHash('SHA-1', SHA_1, ['tls-exporter']),
      offerHash('SHA-1', SHA_1, []),
      offerHash('SHA-1', ['SCRAM-SHA-1'], []),
    ];
    assert.equal(new Set(hashes).size, hashes.length);
  });
});

describe('What SCRAM adds to its first message', () => {
  test('is the hash and, where it is known, the version of TLS', () => {
    const context = contextOf(new Accounts(), { channelBinding: () => Buffer.alloc(32), tlsVersion: '0304' });
    const hash = offerHash('SHA-1', SHA_1, BINDINGS);
    assert.equal(downgradeAttributes('SHA-1', context, new Set(SHA_1)), `,h=${hash},t=0304`);
    const proxied = contextOf(new Accounts());
    const alone = offerHash('SHA-1', ['SCRAM-SHA-1'], []);
    assert.equal(downgradeAttributes('SHA-1', proxied, new Set(['SCRAM-SHA-1'])), `,h=${alone}`);
  });

  test('is signed: a client that checks it accepts the login, and one that was told something else cannot prove', async () => {
    for (const isAltered of [false, true]) {
      const sasl = new Sasl1({
        context: contextOf(await julietWith('pw')),
        mechanisms: selectMechanisms(mechanisms, ['SCRAM-SHA-256', 'SCRAM-SHA-1', 'PLAIN']),
        throttle: new LoginThrottle({
          clock: new ManualClock(),
          rates: { address: null, accountFromAddress: null, account: null },
        }),
        address: '192.0.2.1',
      });
      const client = new ScramClient({ hash: 'SHA-256', username: 'juliet', password: 'pw' });
      const auth = el('auth', { xmlns: NS_SASL, mechanism: 'SCRAM-SHA-256' }, client.first().toString('base64'));
      const { reply } = await sasl.handle(auth);
      const first = Buffer.from(text(reply), 'base64').toString();
      const expected = offerHash('SHA-256', ['PLAIN', 'SCRAM-SHA-1', 'SCRAM-SHA-256'], []);
      assert.equal(/,h=([^,]+)/.exec(first)?.[1], expected);
      const seen = isAltered ? first.replace(expected, offerHash('SHA-256', ['SCRAM-SHA-1'], [])) : first;
      const final = client.final(Buffer.from(seen)).toString('base64');
      const last = await sasl.handle(el('response', { xmlns: NS_SASL }, final));
      assert.equal(last.reply.name, isAltered ? 'failure' : 'success');
    }
  });
});

test('channel bindings are announced beside mechanisms that use them, and not otherwise', () => {
  const context = contextOf(new Accounts(), { channelBinding: () => Buffer.alloc(32) });
  assert.deepEqual(announcedBindings(context, ['SCRAM-SHA-1-PLUS']), ['tls-exporter', 'tls-server-end-point']);
  assert.deepEqual(announcedBindings(context, ['SCRAM-SHA-1', 'PLAIN']), []);
  assert.deepEqual(announcedBindings(contextOf(new Accounts()), ['SCRAM-SHA-1-PLUS']), []);
});
