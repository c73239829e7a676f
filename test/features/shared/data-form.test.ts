import { test } from 'node:test';
import { resultForm } from '../../../src/features/shared/data-form.ts';
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
