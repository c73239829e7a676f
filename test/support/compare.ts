import assert from 'node:assert/strict';
import { type Element, serialize } from '../../src/xml/element.ts';
import { parseElement } from '../../src/xml/parser.ts';

/**
 * Asserts that an element is the expected one: parsed before it is compared, white space between elements and the order of
 * attributes do not matter, and the attribute value or text `*` stands for any that is not empty.
 */
export function assertXml(actual: Element, expected: string | Element): void {
  const wanted = typeof expected === 'string' ? parseElement(expected) : expected;
  if (!matches(actual, wanted)) assert.equal(serialize(actual), serialize(wanted));
}

/** Whether an element is the expected one, as `assertXml` sees it. */
export function matches(actual: Element, expected: Element): boolean {
  if (actual.name !== expected.name) return false;
  const names = new Set([...Object.keys(actual.attrs), ...Object.keys(expected.attrs)]);
  for (const name of names) if (!matchesText(actual.attrs[name], expected.attrs[name])) return false;
  const mine = content(actual);
  const theirs = content(expected);
  return (
    mine.length === theirs.length &&
    mine.every((node, i) => {
      const other = theirs[i];
      if (typeof node === 'string' || typeof other === 'string' || other === undefined) {
        return typeof node === 'string' && typeof other === 'string' && matchesText(node, other);
      }
      return matches(node, other);
    })
  );
}

function matchesText(actual: string | undefined, expected: string | undefined): boolean {
  return expected === '*' ? actual !== undefined && actual !== '' : actual === expected;
}

function content(element: Element): (Element | string)[] {
  return element.children.filter((node) => typeof node !== 'string' || node.trim() !== '');
}
