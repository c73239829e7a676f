import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Feature, FeatureHost } from '../../src/core/feature.ts';
import { caps, verificationString } from '../../src/features/caps.ts';
import type { DiscoInfo } from '../../src/features/disco/api.ts';
import { disco } from '../../src/features/disco/index.ts';
import { resultForm } from '../../src/features/shared/data-form.ts';
import { version } from '../../src/features/version.ts';
import { attr, child, children, elements } from '../../src/xml/element.ts';
import { DOMAIN, PASSWORD, Stage } from '../support/stage.ts';

const NS = 'http://jabber.org/protocol/caps';

const FEATURES = [
  'http://jabber.org/protocol/muc',
  'http://jabber.org/protocol/disco#items',
  'http://jabber.org/protocol/disco#info',
  NS,
];

test('the simple example of XEP-0115 §5.2 has its hash', () => {
  const info: DiscoInfo = {
    identities: [{ category: 'client', type: 'pc', name: 'Exodus 0.9.1' }],
    features: FEATURES,
    forms: [],
  };
  assert.equal(verificationString(info), 'QgayPKawpkPSDYmwT/WM94uAlu0=');
});

test('the complex example of XEP-0115 §5.3 has its hash', () => {
  const info: DiscoInfo = {
    identities: [
      { category: 'client', type: 'pc', lang: 'en', name: 'Psi 0.11' },
      { category: 'client', type: 'pc', lang: 'el', name: 'Ψ 0.11' },
    ],
    features: FEATURES,
    forms: [
      resultForm('urn:xmpp:dataforms:softwareinfo', {
        software_version: '0.11',
        software: 'Psi',
        os_version: '10.5.1',
        os: 'Mac',
        ip_version: ['ipv6', 'ipv4'],
      }),
    ],
  };
  assert.equal(verificationString(info), 'q07IKJEyjvHSyhy//CH0CxmKi8w=');
});

test('identities are ordered by category before type, whatever follows a slash in ASCII', () => {
  const text = (types: readonly string[]): string =>
    verificationString({ identities: types.map((type) => ({ category: 'client', type })), features: [], forms: [] });
  assert.equal(text(['pc', 'pc-x']), text(['pc-x', 'pc']));
});

test('the stream features carry the hash of what disco#info answers for its node', async (t) => {
  const stage = await Stage.open(t, { features: [disco, caps, version] });
  await stage.host.users.create('romeo', PASSWORD);
  const client = stage.connect('balcony');
  const features = await client.logIn('romeo', PASSWORD);
  const c = child(features, 'c', NS);
  assert.ok(c);
  const { hash, node, ver } = c.attrs;
  assert.equal(hash, 'sha-1');
  await client.bind('balcony');

  const info = await client.get(`<query xmlns="http://jabber.org/protocol/disco#info" node="${node}#${ver}"/>`, DOMAIN);
  assert.ok(info);
  assert.equal(attr(info, 'node'), `${node}#${ver}`);
  const heard: DiscoInfo = {
    identities: children(info, 'identity').map((i) => ({
      category: attr(i, 'category') ?? '',
      type: attr(i, 'type') ?? '',
      name: attr(i, 'name') ?? '',
    })),
    features: children(info, 'feature').map((f) => attr(f, 'var') ?? ''),
    forms: children(info, 'x', 'jabber:x:data'),
  };
  assert.ok(heard.features.includes(NS));
  assert.equal(verificationString(heard), ver);

  const old = `<query xmlns="http://jabber.org/protocol/disco#info" node="${node}#old"/>`;
  assert.equal(await client.refused('get', old, DOMAIN), 'item-not-found');
});

test('the hash follows what is advertised', async (t) => {
  let advertise: FeatureHost['advertise'] = () => {};
  const late: Feature = {
    name: 'late',
    specs: [],
    setup(host) {
      advertise = (entry) => host.advertise(entry);
    },
  };
  const stage = await Stage.open(t, { features: [disco, caps, late] });
  await stage.host.users.create('romeo', PASSWORD);
  const ver = async (name: string): Promise<string | undefined> => {
    const features = await stage.connect(name).logIn('romeo', PASSWORD);
    return elements(features).find((feature) => feature.name === 'c')?.attrs['ver'];
  };
  const before = await ver('phone');
  advertise({ feature: 'urn:example:new' });
  assert.notEqual(await ver('tablet'), before);
});
