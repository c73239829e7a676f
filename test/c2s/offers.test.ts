import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Feature, FeatureHost } from '../../src/core/feature.ts';
import { AUTHENTICATED, SECURE } from '../../src/stream/stream.ts';
import { child, type Element, el, text } from '../../src/xml/element.ts';
import { PASSWORD, Stage } from '../support/stage.ts';

const NS = 'urn:example:offer';

/** A feature that offers how often it was asked, and lets the test at its host. */
function counting(): { feature: Feature; asked: number[]; host: () => FeatureHost } {
  const asked: number[] = [];
  let host: FeatureHost | undefined;
  const feature: Feature = {
    name: 'counting',
    specs: [],
    setup(own) {
      host = own;
      own.negotiate({
        name: 'counting',
        needs: 0,
        excludes: 0,
        offer({ bits }) {
          asked.push(bits);
          return el('count', { xmlns: NS }, String(asked.length));
        },
      });
    },
  };
  return {
    feature,
    asked,
    host() {
      assert.ok(host);
      return host;
    },
  };
}

function countIn(features: Element): number {
  return Number(text(child(features, 'count', NS)));
}

test('what is offered is made once for all streams that have negotiated the same', async (t) => {
  const { feature, asked } = counting();
  const stage = await Stage.open(t, { features: [feature] });
  await stage.host.users.create('romeo', PASSWORD);
  const clients = ['a', 'b', 'c'].map((name) => stage.connect(name));
  for (const client of clients) assert.equal(countIn(await client.open()), 1);
  for (const name of ['d', 'e']) assert.equal(countIn(await stage.connect(name).logIn('romeo', PASSWORD)), 2);
  assert.deepEqual(asked, [SECURE, SECURE | AUTHENTICATED]);
});

test('what is offered is made again when the configuration or what is advertised has changed', async (t) => {
  const { feature, host } = counting();
  const stage = await Stage.open(t, { features: [feature] });
  const offered = async (): Promise<number> => countIn(await stage.connect('client').open());
  assert.equal(await offered(), 1);
  stage.settings.current = { ...stage.settings.current };
  assert.equal(await offered(), 2);
  assert.equal(await offered(), 2);
  host().advertise({ feature: 'urn:example:new' });
  assert.equal(await offered(), 3);
});

test('a mechanism that the configuration no longer names is not offered to the next client', async (t) => {
  const stage = await Stage.open(t, { features: [] });
  const offered = async (): Promise<number> => {
    const mechanisms = child(await stage.connect('client').open(), 'mechanisms', 'urn:ietf:params:xml:ns:xmpp-sasl');
    return mechanisms?.children.length ?? 0;
  };
  assert.ok((await offered()) > 1);
  const { current } = stage.settings;
  stage.settings.current = { ...current, auth: { ...current.auth, mechanisms: ['PLAIN'] } };
  assert.equal(await offered(), 1);
});
