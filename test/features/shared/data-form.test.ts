import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  inputForm,
  inputFormElement,
  resultForm,
  resultFormElement,
  submittedFields,
} from '../../../src/features/shared/data-form.ts';
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

test('fields to fill in say all that is known of them', () => {
  assertXml(
    inputFormElement({
      title: 'Lamps',
      fields: [
        { name: 'on', type: 'boolean', label: 'On', value: true },
        { name: 'off', type: 'boolean', label: 'Off', value: false },
        {
          name: 'which',
          type: 'list-multi',
          label: 'Which',
          value: ['a'],
          options: [{ value: 'a', label: 'A' }],
          doc: 'Of ours.',
        },
        { name: 'light', type: 'text-single', label: 'Light', range: { min: 0, max: 9 }, isOptional: true },
      ],
    }),
    `<x xmlns="jabber:x:data" type="form">
       <title>Lamps</title>
       <field var="on" type="boolean" label="On"><value>1</value></field>
       <field var="off" type="boolean" label="Off"><value>0</value></field>
       <field var="which" type="list-multi" label="Which"><desc>Of ours.</desc><required/><value>a</value>
         <option label="A"><value>a</value></option></field>
       <field var="light" type="text-single" label="Light">
         <validate xmlns="http://jabber.org/protocol/xdata-validate" datatype="xs:integer"><range min="0" max="9"/></validate>
       </field>
     </x>`,
  );
});

test('a table has all its columns in every row, and fields may stand beside it', () => {
  assertXml(
    resultFormElement({
      title: 'Lamps',
      formType: 'urn:example:lamps',
      fields: [{ name: 'dark', type: 'boolean', label: 'Dark', value: false }],
      table: {
        columns: [
          { name: 'a', label: 'A', type: 'jid-single' },
          { name: 'b', label: 'B' },
        ],
        rows: [{ b: ['1', '2'] }],
      },
    }),
    `<x xmlns="jabber:x:data" type="result">
       <title>Lamps</title>
       <field var="FORM_TYPE" type="hidden"><value>urn:example:lamps</value></field>
       <field var="dark" type="boolean" label="Dark"><value>0</value></field>
       <reported><field var="a" type="jid-single" label="A"/><field var="b" label="B"/></reported>
       <item><field var="a"><value/></field><field var="b"><value>1</value><value>2</value></field></item>
     </x>`,
  );
});
