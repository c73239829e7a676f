import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { child, serialize } from '../../../src/xml/element.ts';
import { BIND, conditionOf, LAPTOP, NS_SASL2, PASSWORD, PHONE } from '../../c2s/sasl2-scene.ts';
import { assertXml } from '../../support/compare.ts';
import { list, open } from './scene.ts';

const NS_SASL = 'urn:ietf:params:xml:ns:xmpp-sasl';
const ENFORCED = { settings: { enforceClientIds: true } };

describe('With enforceClientIds', () => {
  test('SASL2 without an id, or with one that is no UUID, fails before any mechanism runs', async (t) => {
    const { connect } = await open(t, ENFORCED);
    const client = await connect();
    for (const clientId of [undefined, '', 'my-phone']) {
      const failure = await client.plain({ clientId, password: 'wrong' });
      assertXml(
        failure,
        `<failure xmlns="${NS_SASL2}"><malformed-request xmlns="${NS_SASL}"/>
          <text>This server only admits clients that identify themselves</text></failure>`,
      );
    }
    assert.equal((await client.plain({ clientId: PHONE })).name, 'success');
  });

  test('failures count, so that the stream ends after too many', async (t) => {
    const { connect } = await open(t, { ...ENFORCED, config: { auth: { maxFailuresPerStream: 2 } } });
    const client = await connect();
    for (let i = 0; i < 2; i++) assert.equal(conditionOf(await client.plain()), 'malformed-request');
    await client.stage.sends(`<authenticate xmlns='${NS_SASL2}' mechanism='PLAIN'/>`);
    await client.stage.isClosedWith('policy-violation');
  });

  test('legacy SASL is not offered, and refused in its own namespace', async (t) => {
    const { connect, stage } = await open(t, ENFORCED);
    const client = await connect();
    assert.ok(client.features);
    assert.equal(child(client.features, 'mechanisms', NS_SASL), undefined);
    assert.ok(child(client.features, 'authentication', NS_SASL2));
    const response = Buffer.from(`\0romeo\0${PASSWORD}`).toString('base64');
    await client.stage.sends(`<auth xmlns="${NS_SASL}" mechanism="PLAIN">${response}</auth>`);
    assertXml(
      await client.stage.next(),
      `<failure xmlns="${NS_SASL}"><malformed-request/><text xml:lang="en">*</text></failure>`,
    );
    assert.equal((await client.plain({ clientId: PHONE, children: BIND })).name, 'success');
    assert.equal(stage.log.records.filter(({ event }) => event === 'login.legacy-refused').length, 1);
  });
});

describe('Without it', () => {
  test('clients without an id are admitted, and told apart by their resources', async (t) => {
    const { phone, stage } = await open(t);
    const { client } = await phone(LAPTOP);
    await phone(undefined);
    await stage.connected({ desk: 'romeo' });
    const entries = await list(client);
    assert.equal(entries.length, 3, entries.map(({ element }) => serialize(element)).join('\n'));
    assert.equal(
      stage.log.records.some(({ event }) => event === 'login.legacy-refused'),
      false,
    );
  });
});
