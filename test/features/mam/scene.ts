import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Feature } from '../../../src/core/feature.ts';
import { disco } from '../../../src/features/disco/index.ts';
import { mam } from '../../../src/features/mam/index.ts';
import { offline } from '../../../src/features/offline/index.ts';
import { presence } from '../../../src/features/presence/index.ts';
import { roster } from '../../../src/features/roster/index.ts';
import { attr, child, children, type Element, serialize, text } from '../../../src/xml/element.ts';
import { DOMAIN, Stage, type StageOptions } from '../../support/stage.ts';
import type { StageClient } from '../../support/stage-client.ts';

export const NS_MAM = 'urn:xmpp:mam:2';
export const NS_RSM = 'http://jabber.org/protocol/rsm';
export const ROMEO = `romeo@${DOMAIN}`;
export const JULIET = `juliet@${DOMAIN}`;

export const FEATURES: readonly Feature[] = [roster, presence, mam, offline, disco];

/** A stage with message archives. */
export function openStage(t: TestContext, options: Partial<StageOptions> = {}): Promise<Stage> {
  return Stage.open(t, { features: FEATURES, ...options });
}

/** A result of a query, as the client sees it. */
export interface Result {
  readonly id: string;
  readonly stamp: string;
  readonly message: Element;
  readonly body: string;
}

/** What a query was answered with. */
export interface Answer {
  readonly results: readonly Result[];
  readonly bodies: readonly string[];
  readonly ids: readonly string[];
  readonly complete: boolean;
  readonly first: string | undefined;
  readonly last: string | undefined;
  readonly index: number | undefined;
  readonly count: number | undefined;
}

/** The fields of a query's form, and its page. */
export interface Wanted {
  readonly fields?: Readonly<Record<string, string | readonly string[]>>;
  /** The content of `<set/>`. */
  readonly page?: string;
  readonly attributes?: string;
  readonly flip?: boolean;
}

/** A query as XML. */
export function query({ fields = {}, page, attributes = '', flip = false }: Wanted = {}): string {
  const form = Object.entries({ FORM_TYPE: NS_MAM, ...fields })
    .map(([name, values]) => {
      const all = typeof values === 'string' ? [values] : values;
      return `<field var="${name}">${all.map((value) => `<value>${value}</value>`).join('')}</field>`;
    })
    .join('');
  const set = page === undefined ? '' : `<set xmlns="${NS_RSM}">${page}</set>`;
  const x = Object.keys(fields).length === 0 ? '' : `<x xmlns="jabber:x:data" type="submit">${form}</x>`;
  return `<query xmlns="${NS_MAM}" ${attributes}>${x}${set}${flip ? '<flip-page/>' : ''}</query>`;
}

/** Asks a client's archive and takes the results. */
export async function search(client: StageClient, wanted: Wanted = {}): Promise<Answer> {
  const fin = await client.set(query(wanted));
  assert.equal(fin?.name, 'fin');
  const { received } = client.transport;
  const stanzas = received.splice(0).map((stanza) => [stanza, child(stanza, 'result', NS_MAM)] as const);
  received.push(...stanzas.flatMap(([stanza, result]) => (result === undefined ? [stanza] : [])));
  const results = stanzas.flatMap(([, result]) => (result === undefined ? [] : [readResult(result)]));
  const set = child(fin, 'set', NS_RSM);
  assert.ok(set);
  const first = child(set, 'first');
  const index = first && attr(first, 'index');
  const count = child(set, 'count');
  return {
    results,
    bodies: results.map(({ body }) => body),
    ids: results.map(({ id }) => id),
    complete: attr(fin, 'complete') === 'true',
    first: first && text(first),
    last: optionalText(child(set, 'last')),
    index: index === undefined ? undefined : Number(index),
    count: count === undefined ? undefined : Number(text(count)),
  };
}

/** The identifier that an archive gave a message. */
export function stanzaId(message: Element, by: string): string | undefined {
  const ids = children(message, 'stanza-id', 'urn:xmpp:sid:0').filter((element) => attr(element, 'by') === by);
  assert.ok(ids.length <= 1, serialize(message));
  return ids[0] && attr(ids[0], 'id');
}

function readResult(result: Element): Result {
  const forwarded = child(result, 'forwarded', 'urn:xmpp:forward:0');
  assert.ok(forwarded);
  const delay = child(forwarded, 'delay', 'urn:xmpp:delay');
  const message = child(forwarded, 'message', 'jabber:client');
  assert.ok(delay && message, serialize(result));
  const body = child(message, 'body');
  return { id: attr(result, 'id') ?? '', stamp: attr(delay, 'stamp') ?? '', message, body: text(body) };
}

function optionalText(element: Element | undefined): string | undefined {
  return element && text(element);
}
