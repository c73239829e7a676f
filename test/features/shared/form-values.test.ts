import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InputField } from '../../../src/features/shared/data-form.ts';
import { FormValues, formValues, problemWith } from '../../../src/features/shared/form-values.ts';
import { parseElement } from '../../../src/xml/parser.ts';

function read(fields: string, type = 'submit', types?: readonly string[]): FormValues | undefined {
  const xml = `<q xmlns="urn:example:q"><x xmlns="jabber:x:data" type="${type}">${fields}</x></q>`;
  return formValues(parseElement(xml), types);
}

function values(of: Readonly<Record<string, readonly string[]>>): FormValues {
  return new FormValues(new Map(Object.entries(of)));
}

test('values are read by the names of their fields', () => {
  const form = read(
    `<field var="who"><value>romeo@stage.example</value></field>
     <field var="lines"><value>a</value><value/><value>b</value></field>
     <field var="yes"><value>true</value></field><field var="no"><value>0</value></field>
     <field var="count"><value>12</value></field>
     <field var="empty"><value/></field><field var="absent"/><field><value>nameless</value></field>`,
  );
  assert.ok(form);
  assert.equal(form.text('who'), 'romeo@stage.example');
  assert.deepEqual(form.jids('who').map(String), ['romeo@stage.example']);
  assert.deepEqual(form.list('lines'), ['a', '', 'b']);
  assert.deepEqual(
    [form.flag('yes'), form.flag('no', true), form.flag('absent'), form.flag('absent', true)],
    [true, false, false, true],
  );
  assert.equal(form.number('count'), 12);
  for (const name of ['empty', 'absent', 'unknown', 'constructor', '__proto__']) {
    assert.deepEqual([form.text(name), form.list(name), form.number(name)], [undefined, [], undefined]);
  }
});

test('only a form of the type that is expected is read', () => {
  assert.equal(formValues(parseElement('<q xmlns="urn:example:q"><x type="submit"/></q>')), undefined);
  for (const type of ['cancel', 'form', 'result']) assert.equal(read('', type), undefined);
  assert.ok(read('', 'cancel', ['submit', 'cancel']));
});

test('what does not fit a form is said in words', () => {
  const field = (more: Partial<InputField>): InputField => ({ name: 'f', type: 'text-single', label: 'F', ...more });
  const options = [{ value: 'a' }, { value: 'b' }];
  const cases: readonly (readonly [Partial<InputField>, readonly string[], string | undefined])[] = [
    [{}, ['x'], undefined],
    [{}, [], 'f is missing'],
    [{ isOptional: true }, [], undefined],
    [{ type: 'boolean' }, [], undefined],
    [{ type: 'boolean' }, ['1'], undefined],
    [{ type: 'boolean' }, ['yes'], 'f is not a boolean'],
    [{ type: 'fixed' }, ['a', 'b'], undefined],
    [{ type: 'hidden' }, [], undefined],
    [{}, ['x', 'y'], 'f takes one value'],
    [{ type: 'text-multi' }, ['x', 'y'], undefined],
    [{ type: 'jid-single' }, ['romeo@stage.example'], undefined],
    [{ type: 'jid-single' }, ['@'], 'f is not an address'],
    [{ type: 'jid-multi' }, ['stage.example', 'a b@c'], 'f is not an address'],
    [{ type: 'list-single', options }, ['b'], undefined],
    [{ type: 'list-single', options }, ['c'], 'f is none of the options'],
    [{ type: 'list-multi', options }, ['a', 'b'], undefined],
    [{ type: 'list-multi', options }, ['a', 'c'], 'f is none of the options'],
    [{ range: { min: 1, max: 9 } }, ['9'], undefined],
    [{ range: { min: 1, max: 9 } }, ['0'], 'f is not a whole number from 1 to 9'],
    [{ range: { min: 1, max: 9 } }, ['5e0'], 'f is not a whole number from 1 to 9'],
    [{ range: { min: 1, max: 9 } }, ['99999999999999999999'], 'f is not a whole number from 1 to 9'],
  ];
  for (const [more, given, problem] of cases) {
    assert.equal(problemWith(values({ f: given }), [field(more)]), problem, JSON.stringify([more, given]));
  }
});
