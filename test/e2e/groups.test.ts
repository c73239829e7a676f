import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Element } from '@xmpp/xml';
import { rosters } from '../../src/features/roster/api.ts';
import { LiveServer } from '../support/live-server.ts';
import { XmppClient, xml } from '../support/xmpp-client.ts';

const NS = 'jabber:iq:roster';

/** The groups of the configuration that the users of `localhost` are in. */
function family(...members: readonly string[]): object {
  return { features: { groups: { groups: { Family: { members } } } } };
}

async function contactsOf(client: XmppClient): Promise<string[]> {
  const items = (await client.get(xml('query', { xmlns: NS })))?.getChildElements() ?? [];
  return items.map(({ attrs, children }) => `${attrs['jid']} ${attrs['subscription']} ${children.join()}`).sort();
}

function presence(from: string, type?: string): (stanza: Element) => boolean {
  return ({ name, attrs }) => name === 'presence' && attrs['type'] === type && attrs['from'] === from;
}

test('a family of the configuration sees each other, and a reload changes who is in it', async (t) => {
  const server = await LiveServer.start(t, { hosts: { localhost: family('romeo', 'juliet') } });
  await server.addUsers('romeo', 'juliet', 'nurse');
  const romeo = await XmppClient.connect(server, 'romeo', { resource: 'orchard' });
  assert.deepEqual(await contactsOf(romeo), ['juliet@localhost both <group>Family</group>']);
  await romeo.send(xml('presence'));
  const juliet = await XmppClient.online(server, 'juliet', { resource: 'balcony', over: 'wss' });
  await romeo.next(presence(juliet.jid));
  await juliet.next(presence(romeo.jid));
  const nurse = await XmppClient.online(server, 'nurse', { resource: 'kitchen' });
  await server.reload({ hosts: { localhost: family('nurse', 'romeo') } });
  await romeo.next(presence(juliet.jid, 'unavailable'));
  await romeo.next(presence(nurse.jid));
  await nurse.next(presence(romeo.jid));
  assert.deepEqual(await contactsOf(romeo), ['nurse@localhost both <group>Family</group>']);
  await server.restart();
  const again = await XmppClient.connect(server, 'nurse', { resource: 'kitchen' });
  assert.deepEqual(await contactsOf(again), ['romeo@localhost both <group>Family</group>']);
});

test('each host has its own features, also when they are read again', async (t) => {
  const school = { features: { roster: false, delegatedRoster: { source: 'groups' }, mam: false } };
  const server = await LiveServer.start(t, { hosts: { localhost: {}, 'school.example': school } });
  const owners = [...server.server.hosts].map(([domain, { services }]) => [domain, services.use(rosters).isDelegated]);
  assert.deepEqual(owners, [
    ['localhost', false],
    ['school.example', true],
  ]);
  const filtersOf = (domain: string) => server.server.hosts.get(domain)?.chains.accountDelivers.features ?? [];
  assert.ok(filtersOf('localhost').includes('mam'));
  assert.ok(!filtersOf('school.example').includes('mam'));
  await server.reload({ features: { mam: { maxPageSize: 100 } } });
  assert.ok(!filtersOf('school.example').includes('mam'));
});
