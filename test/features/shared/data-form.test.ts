import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inputForm, resultForm, submittedFields } from '../../../src/features/shared/data-form.ts';
import { parseElement } from '../../../src/xml/parser.ts';
import { assertXml } from '../../support/compare.ts';

test('a form names its type first and leaves out what has no value', () => {
  const form = resultForm('urn:example:form', { one: 'a', many: ['b', 'c'], none: [] });
  assertXml(
    form,
    `<x xmlns="jabber:x:data" type="result">
       <field var="FORM_TYPE" type="hidden"><value>urn:example:form</value></field>
       <field var="one"><value>a</value></field>
       <field var="many"><value>b</value><value>c</value></field>
     </x>`,
  );
});

test('a form to fill in names its type, and each field with its label', () => {
  assertXml(
    inputForm('urn:example:form', 'Say who you are.', [{ name: 'who', type: 'text-single', label: 'Name' }]),
    `<x xmlns="jabber:x:data" type="form">
       <instructions>Say who you are.</instructions>
       <field var="FORM_TYPE" type="hidden"><value>urn:example:form</value></field>
       <field var="who" type="text-single" label="Name"><required/></field>
     </x>`,
  );
});

test('of what was filled in the first value of each field is read, and nothing of any other form', () => {
  const submitted = (type: string) =>
    submittedFields(
      parseElement(`<query xmlns="urn:example:q"><x xmlns="jabber:x:data" type="${type}">
        <field var="who"><value>romeo</value><value>juliet</value></field><field var="empty"/><field/>
      </x></query>`),
    );
  const fields = submitted('submit');
  assert.equal(fields?.get('who'), 'romeo');
  assert.equal(fields.get('empty'), '');
  assert.equal(fields.get('constructor'), undefined);
  for (const type of ['cancel', 'form', 'result']) assert.equal(submitted(type), undefined);
});
