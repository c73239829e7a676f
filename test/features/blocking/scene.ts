import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { blocking } from '../../../src/features/blocking/index.ts';
import { offline } from '../../../src/features/offline/index.ts';
import { presence } from '../../../src/features/presence/index.ts';
import { roster } from '../../../src/features/roster/index.ts';
import { vcard } from '../../../src/features/vcard/index.ts';
import { attr, children } from '../../../src/xml/element.ts';
import { Stage, type StageOptions } from '../../support/stage.ts';
import type { StageClient } from '../../support/stage-client.ts';

export const NS = 'urn:xmpp:blocking';

/** Opens a stage with blocking and what it has effects on. */
export function open(t: TestContext, options: Partial<StageOptions> = {}): Promise<Stage> {
  return Stage.open(t, { features: [blocking, roster, presence, offline, vcard], ...options });
}

/** A command with items; without any, an empty one. */
export function command(name: 'block' | 'unblock' | 'blocklist', ...jids: readonly string[]): string {
  return `<${name} xmlns='${NS}'>${jids.map((jid) => `<item jid='${jid}'/>`).join('')}</${name}>`;
}

/** Blocks, and returns when that has been granted. */
export async function block(client: StageClient, ...jids: readonly string[]): Promise<void> {
  assert.equal(await client.set(command('block', ...jids)), undefined);
}

/** Unblocks; everybody if nobody is named. */
export async function unblock(client: StageClient, ...jids: readonly string[]): Promise<void> {
  assert.equal(await client.set(command('unblock', ...jids)), undefined);
}

/** The addresses that a client is told it has blocked. It is told of changes from then on. */
export async function blocked(client: StageClient): Promise<(string | undefined)[]> {
  const list = await client.get(command('blocklist'));
  assert.equal(list?.name, 'blocklist');
  return children(list, 'item').map((item) => attr(item, 'jid'));
}

/** What a client is told of a change. */
export function push(client: StageClient, payload: string): string {
  return `<iq type='set' id='*' to='${client.jid}'>${payload}</iq>`;
}

/** The error that answers what somebody who is blocked, or nobody, was sent. */
export function unavailable(kind: 'message' | 'iq', from: string, to: string, id: string): string {
  return (
    `<${kind} type='error' from='${from}' to='${to}' id='${id}'><error type='cancel'>` +
    `<service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></${kind}>`
  );
}

/** The error that answers what was sent to somebody who is blocked. */
export function refusal(kind: 'message' | 'presence' | 'iq', from: string, to: string, id: string): string {
  return (
    `<${kind} type='error' from='${from}' to='${to}' id='${id}'><error type='cancel'>` +
    "<not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><blocked xmlns='urn:xmpp:blocking:errors'/>" +
    `</error></${kind}>`
  );
}
