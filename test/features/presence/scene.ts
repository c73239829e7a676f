import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { presence } from '../../../src/features/presence/index.ts';
import { roster } from '../../../src/features/roster/index.ts';
import { attr, elements, serialize } from '../../../src/xml/element.ts';
import { DOMAIN, Stage, type StageOptions } from '../../support/stage.ts';
import type { StageClient } from '../../support/stage-client.ts';

export const ROMEO = `romeo@${DOMAIN}`;
export const JULIET = `juliet@${DOMAIN}`;
export const NURSE = `nurse@${DOMAIN}`;

/** Opens a stage with rosters and presence. */
export function open(t: TestContext, options: Partial<StageOptions> = {}): Promise<Stage> {
  return Stage.open(t, { features: [roster, presence], ...options });
}

/** Asks for the roster, so that the client is interested in it; returns "jid subscription ask approved" of each item. */
export async function contacts(client: StageClient): Promise<string[]> {
  const list = await client.get(`<query xmlns='jabber:iq:roster'/>`);
  assert.ok(list, 'the roster was not sent');
  return elements(list).map((item) => {
    const ask = attr(item, 'ask') === undefined ? '' : ' ask';
    const approved = attr(item, 'approved') === 'true' ? ' approved' : '';
    return `${attr(item, 'jid')} ${attr(item, 'subscription')}${ask}${approved}`;
  });
}

/** Has `user` see the presence of `contact`; both must be connected. */
export async function subscribe(user: StageClient, contact: StageClient): Promise<void> {
  await user.sends(`<presence type='subscribe' to='${bare(contact)}'/>`);
  await contact.sends(`<presence type='subscribed' to='${bare(user)}'/>`);
  await user.forget();
  await contact.forget();
}

/** Makes both see each other. */
export async function befriend(one: StageClient, other: StageClient): Promise<void> {
  await subscribe(one, other);
  await subscribe(other, one);
}

/** A roster push as the client receives it. */
export function push(client: StageClient, item: string): string {
  return `<iq type='set' id='*' to='${client.jid}'><query xmlns='jabber:iq:roster' ver='*'>${item}</query></iq>`;
}

export function bare(client: StageClient): string {
  return client.jid.split('/')[0] ?? '';
}

/** Asserts that the client has received exactly these, in this order. */
export async function receivesInOrder(client: StageClient, expected: readonly string[]): Promise<void> {
  for (const xml of expected) await client.receives(xml);
  await client.receivesNothing();
}

/** The condition of the error that the next stanza carries. */
export async function nextError(client: StageClient): Promise<string> {
  const stanza = await client.next();
  const error = elements(stanza).find((element) => element.name === 'error');
  assert.equal(attr(stanza, 'type'), 'error', serialize(stanza));
  return (error && elements(error)[0]?.name) ?? '';
}
