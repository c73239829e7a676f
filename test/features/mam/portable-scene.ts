import assert from 'node:assert/strict';
import type { PortablePart } from '../../../src/core/portable.ts';
import { StanzaError } from '../../../src/errors.ts';
import { JID } from '../../../src/jid.ts';
import type { Element } from '../../../src/xml/element.ts';
import { parseElement } from '../../../src/xml/parser.ts';
import { DOMAIN, type Stage } from '../../support/stage.ts';

function archivePart(stage: Stage): PortablePart {
  const part = stage.host.portable.find(({ container }) => container?.name === 'archive');
  assert.ok(part);
  return part;
}

/** What is read out of an account's archive. */
export async function exported(stage: Stage, local: string): Promise<Element[]> {
  const elements: Element[] = [];
  for await (const element of archivePart(stage).export(JID.of(local, DOMAIN))) elements.push(element);
  return elements;
}

/** Takes elements up into an account's archive; returns what became of them. */
export async function imported(stage: Stage, local: string, elements: readonly Element[]) {
  const outcome = { took: 0, had: 0, skipped: [] as string[] };
  const tally = {
    took: () => void outcome.took++,
    had: () => void outcome.had++,
    formerJid: JID.of(local, DOMAIN),
    skipped: (what: string, reason: string) => void outcome.skipped.push(`${what}: ${reason}`),
  };
  for (const element of elements) {
    try {
      assert.ok(await archivePart(stage).import(JID.of(local, DOMAIN), element, tally));
    } catch (error) {
      assert.ok(error instanceof StanzaError, String(error));
      outcome.skipped.push(error.message);
    }
  }
  return outcome;
}

/** A message in the form in which accounts move. */
export function importedPart(id: string, stamp: string, message: { from: string; to: string; body: string }): Element {
  return parseElement(
    `<result xmlns="urn:xmpp:mam:2" id="${id}"><forwarded xmlns="urn:xmpp:forward:0"><delay xmlns="urn:xmpp:delay" stamp="${stamp}"/>` +
      `<message xmlns="jabber:client" from="${message.from}" to="${message.to}"><body>${message.body}</body></message></forwarded></result>`,
  );
}
