import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { release, type } from 'node:os';
import { test } from 'node:test';
import { disco } from '../../src/features/disco/index.ts';
import { version } from '../../src/features/version.ts';
import { children, serialize } from '../../src/xml/element.ts';
import { assertXml } from '../support/compare.ts';
import { projectFile } from '../support/project.ts';
import { DOMAIN, Stage } from '../support/stage.ts';

const PACKAGE: unknown = JSON.parse(readFileSync(projectFile('package.json'), 'utf8'));
const VERSION = String(Object(PACKAGE).version);
const QUERY = '<query xmlns="jabber:iq:version"/>';

test('the server tells its name and version, and hides the operating system', async (t) => {
  const stage = await Stage.open(t, { features: [version] });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const answer = await romeo.get(QUERY, DOMAIN);
  assert.ok(answer);
  assertXml(answer, `<query xmlns="jabber:iq:version"><name>Parley</name><version>${VERSION}</version></query>`);
});

test('the operating system is told when the operator wants it', async (t) => {
  const stage = await Stage.open(t, { features: [version], config: { features: { version: { os: true } } } });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const answer = await romeo.get(QUERY, DOMAIN);
  assert.ok(answer);
  assert.ok(serialize(answer).includes(`<os>${type()} ${release()}</os>`));
});

test('service discovery carries the software information form', async (t) => {
  const stage = await Stage.open(t, { features: [disco, version] });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  const info = await romeo.get('<query xmlns="http://jabber.org/protocol/disco#info"/>', DOMAIN);
  const [form] = info === undefined ? [] : children(info, 'x', 'jabber:x:data');
  assert.ok(form);
  assertXml(
    form,
    `<x xmlns="jabber:x:data" type="result">
       <field var="FORM_TYPE" type="hidden"><value>urn:xmpp:dataforms:softwareinfo</value></field>
       <field var="software"><value>Parley</value></field>
       <field var="software_version"><value>${VERSION}</value></field>
     </x>`,
  );
});
