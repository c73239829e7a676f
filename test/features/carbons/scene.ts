import type { TestContext } from 'node:test';
import type { Feature } from '../../../src/core/feature.ts';
import { carbons } from '../../../src/features/carbons/index.ts';
import { parseStanza } from '../../../src/stanza.ts';
import { parseElement } from '../../../src/xml/parser.ts';
import { ownPresence } from '../../support/presence.ts';
import { DOMAIN, Stage } from '../../support/stage.ts';
import type { StageClient } from '../../support/stage-client.ts';

export const NS = 'urn:xmpp:carbons:2';
export const ENABLE = `<enable xmlns='${NS}'/>`;
export const DISABLE = `<disable xmlns='${NS}'/>`;
export const ROMEO = `romeo@${DOMAIN}`;
export const JULIET = `juliet@${DOMAIN}`;
export const BODY = '<body>What man art thou?</body>';

/** Romeo at home and in the garden, with carbons, and in the street without; Juliet on her balcony. */
export async function openStage(t: TestContext, ...more: readonly Feature[]) {
  const stage = await Stage.open(t, { features: [ownPresence, ...more.slice(0, -1), carbons, ...more.slice(-1)] });
  const clients = await stage.online({ home: 'romeo', garden: 'romeo', street: 'romeo', balcony: 'juliet' });
  for (const client of [clients.home, clients.garden]) await client.set(ENABLE);
  return { stage, ...clients };
}

/** A message as its sender writes it. */
export function message(attributes: string, content = BODY): string {
  return `<message ${attributes}>${content}</message>`;
}

/** The copy of a message for one of Romeo's sessions. */
export function carbon(direction: 'sent' | 'received', to: string, original: string, type = 'chat'): string {
  const attribute = type === 'normal' ? '' : ` type='${type}'`;
  const forwarded = original.replace('<message ', "<message xmlns='jabber:client' ");
  return `<message from='${ROMEO}' to='${ROMEO}/${to}'${attribute}><${direction} xmlns='${NS}'>
    <forwarded xmlns='urn:xmpp:forward:0'>${forwarded}</forwarded></${direction}></message>`;
}

/** Has a message arrive from somewhere else, such as a room. */
export function arrives(stage: Stage, xml: string): void {
  const stanza = parseStanza(parseElement(xml), undefined);
  stage.router.send(stanza);
}

export async function receiveNothing(...clients: readonly StageClient[]): Promise<void> {
  for (const client of clients) await client.receivesNothing();
}
