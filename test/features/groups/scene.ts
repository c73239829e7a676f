import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { blocking } from '../../../src/features/blocking/index.ts';
import { type SharedGroups, sharedGroups } from '../../../src/features/groups/api.ts';
import { groups } from '../../../src/features/groups/index.ts';
import { presence } from '../../../src/features/presence/index.ts';
import { roster } from '../../../src/features/roster/index.ts';
import { attr, children, type Element, text } from '../../../src/xml/element.ts';
import { DOMAIN, Stage, type StageOptions } from '../../support/stage.ts';
import type { StageClient } from '../../support/stage-client.ts';

export const GET = '<query xmlns="jabber:iq:roster"/>';

/** A stage with groups, rosters and presence. */
export async function open(
  t: TestContext,
  options: Partial<StageOptions> = {},
): Promise<{ readonly stage: Stage; readonly all: SharedGroups }> {
  const stage = await Stage.open(t, { features: [blocking, groups, roster, presence], ...options });
  return { stage, all: stage.host.services.use(sharedGroups) };
}

/** The groups of the configuration, as in the file. */
export function configured(all: Readonly<Record<string, readonly string[]>>, options: object = {}): object {
  const entries = Object.entries(all).map(([name, members]) => [name, { members }]);
  return { features: { groups: { ...options, groups: Object.fromEntries(entries) } } };
}

/** An item of a roster in a few characters: `juliet both Family,School "Jule"`, without the domain of the stage. */
export function lineOf(item: Element): string {
  const jid = (attr(item, 'jid') ?? '').replace(`@${DOMAIN}`, '');
  const names = children(item, 'group').map((group) => text(group));
  const name = attr(item, 'name');
  const ask = attr(item, 'ask') === undefined ? [] : ['ask'];
  const parts = [jid, attr(item, 'subscription') ?? '', ...ask, ...(names.length === 0 ? [] : [names.join(',')])];
  return [...parts, ...(name === undefined ? [] : [`"${name}"`])].join(' ');
}

/** What a client's roster get returns, in alphabetical order. */
export async function rosterOf(client: StageClient): Promise<string[]> {
  const query = await client.get(GET);
  assert.ok(query);
  return children(query, 'item').map(lineOf).sort();
}

/** The items of the roster pushes among what a client was sent. */
export function pushedIn(stanzas: readonly Element[]): string[] {
  return stanzas
    .filter((stanza) => attr(stanza, 'type') === 'set')
    .flatMap((stanza) => children(stanza, 'query', 'jabber:iq:roster'))
    .flatMap((query) => children(query, 'item').map(lineOf));
}
