import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { acceptor, iqAcceptor, isAvailable, offers, type StreamFeature } from '../../src/stream/negotiation.ts';
import { AUTHENTICATED, BOUND, SECURE } from '../../src/stream/stream.ts';
import { el } from '../../src/xml/element.ts';

type Features = readonly StreamFeature<string>[];

const FEATURES: Features = [
  { name: 'tls', needs: 0, excludes: SECURE, accepts: 'urn:tls', offer: () => el('starttls', { xmlns: 'urn:tls' }) },
  { name: 'sasl', needs: SECURE, excludes: AUTHENTICATED, accepts: 'urn:sasl', offer: () => el('mechanisms') },
  {
    name: 'bind',
    needs: SECURE | AUTHENTICATED,
    excludes: BOUND,
    acceptsIq: { ns: 'urn:bind', name: 'bind' },
    offer: (stream) => [el('bind'), el('session', {}, stream)],
  },
  { name: 'silent', needs: 0, excludes: 0, accepts: 'urn:silent' },
  { name: 'shy', needs: 0, excludes: 0, offer: () => undefined },
];

test('the order of negotiation falls out of the bits', () => {
  const offered = (bits: number): string[] => offers(FEATURES, 'x', bits).map((element) => element.name);
  assert.deepEqual(offered(0), ['starttls']);
  assert.deepEqual(offered(SECURE), ['mechanisms']);
  assert.deepEqual(offered(SECURE | AUTHENTICATED), ['bind', 'session']);
  assert.deepEqual(offered(SECURE | AUTHENTICATED | BOUND), []);
});

test('what is not available is not accepted', () => {
  const accepts = (ns: string, bits: number): string | undefined =>
    acceptor(FEATURES, bits, el('x', { xmlns: ns }))?.name;
  assert.equal(accepts('urn:tls', 0), 'tls');
  assert.equal(accepts('urn:tls', SECURE), undefined);
  assert.equal(accepts('urn:sasl', 0), undefined);
  assert.equal(accepts('urn:sasl', SECURE), 'sasl');
  assert.equal(accepts('urn:silent', SECURE | BOUND), 'silent');
  assert.equal(accepts('urn:unknown', SECURE), undefined);
  assert.equal(acceptor(FEATURES, 0, el('x'))?.name, undefined);
  const bits = SECURE | AUTHENTICATED;
  assert.equal(iqAcceptor(FEATURES, bits, el('bind', { xmlns: 'urn:bind' }))?.name, 'bind');
  assert.equal(iqAcceptor(FEATURES, bits | BOUND, el('bind', { xmlns: 'urn:bind' })), undefined);
  assert.equal(iqAcceptor(FEATURES, bits, el('unbind', { xmlns: 'urn:bind' })), undefined);
  assert.equal(iqAcceptor(FEATURES, bits, el('bind')), undefined);
});

test('what is offered is available: all that it needs, nothing that it excludes', () => {
  const bits = fc.integer({ min: 0, max: 15 });
  fc.assert(
    fc.property(bits, bits, bits, (needs, excludes, has) => {
      const wanted = [1, 2, 4, 8].every((bit) => !(needs & bit) || has & bit);
      const unwanted = [1, 2, 4, 8].some((bit) => excludes & bit && has & bit);
      assert.equal(isAvailable({ name: 'x', needs, excludes }, has), wanted && !unwanted);
    }),
  );
});
