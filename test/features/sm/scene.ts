import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Feature } from '../../../src/core/feature.ts';
import type { Session } from '../../../src/core/session.ts';
import { offline } from '../../../src/features/offline/index.ts';
import { presence } from '../../../src/features/presence/index.ts';
import { roster } from '../../../src/features/roster/index.ts';
import { sm } from '../../../src/features/sm/index.ts';
import { attr, type Element, firstElement, serialize } from '../../../src/xml/element.ts';
import { DOMAIN, PASSWORD, Stage, type StageOptions } from '../../support/stage.ts';
import type { StageClient } from '../../support/stage-client.ts';
import { ASK, ENABLE, NS } from './names.ts';

// Less than it takes until a client that says nothing is taken for dead.
const RESUME_MS = 60_000;

export const FEATURES: readonly Feature[] = [roster, presence, offline, sm];

/** A stage with all that stream management works with. */
export function openStage(t: TestContext, options: Partial<StageOptions> = {}): Promise<Stage> {
  const config = { features: { sm: { resumeMs: RESUME_MS } }, ...options.config };
  return Stage.open(t, { features: FEATURES, ...options, config });
}

/** The same, with these features before the others. */
export function openStageWith(t: TestContext, ...features: readonly Feature[]): Promise<Stage> {
  return openStage(t, { features: [...features, ...FEATURES] });
}

/** Brings clients online with stream management on; returns them and the identifiers of their sessions. */
export async function managed<N extends string>(
  stage: Stage,
  cast: Readonly<Record<N, string>>,
): Promise<Record<N, StageClient> & { ids: Record<N, string> }> {
  const clients = await stage.online(cast);
  const ids: Partial<Record<N, string>> = {};
  for (const name in clients) ids[name] = await enable(clients[name]);
  return { ...clients, ids: ids as Record<N, string> };
}

/** Turns stream management on and returns the identifier of the session. */
export async function enable(client: StageClient, request = ENABLE): Promise<string> {
  await client.sends(request);
  return attr(await client.nextNamed('enabled'), 'id') ?? '';
}

/** How many of its stanzas the server says it has handled. */
export async function handled(client: StageClient): Promise<number> {
  await client.sends(ASK);
  return Number(attr(await client.nextNamed('a'), 'h'));
}

/** Logs in and asks for a session; returns the client and the answer. */
export async function resuming(
  stage: Stage,
  user: string,
  id: string,
  h: number | string,
): Promise<{ client: StageClient; answer: Element }> {
  const client = stage.connect(user);
  await client.logIn(user, PASSWORD);
  await client.sends(`<resume xmlns='${NS}' previd='${id}' h='${h}'/>`);
  return { client, answer: await client.next() };
}

/** Takes a session up again and returns its client, which has not looked at what it was sent. */
export async function resumed(stage: Stage, user: string, id: string, h: number): Promise<StageClient> {
  const { client, answer } = await resuming(stage, user, id, h);
  assert.equal(answer.name, 'resumed', serialize(answer));
  assert.equal(attr(answer, 'previd'), id);
  return client;
}

/** Asserts that a session was not given, and why. */
export function assertFailed(answer: Element, condition: string, h?: number): void {
  assert.equal(answer.name, 'failed', serialize(answer));
  assert.equal(firstElement(answer)?.name, condition);
  assert.equal(attr(answer, 'h'), h === undefined ? undefined : String(h));
}

export function chat(to: string, body: string | number, type = 'chat'): string {
  return `<message to='${to}' type='${type}'><body>${body}</body></message>`;
}

/** The bodies of the messages that a client has received and not looked at, in order; everything else is dropped. */
export async function bodies(client: StageClient): Promise<string[]> {
  return (await received(client)).flatMap(({ element, body }) => (element.name === 'message' ? [body] : []));
}

/** What a client has received and not looked at, with the text of the bodies. */
export async function received(client: StageClient): Promise<{ element: Element; body: string }[]> {
  await client.sends('');
  return client.transport.received.splice(0).map((element) => {
    const body = element.children.find((node) => typeof node !== 'string' && node.name === 'body');
    return { element, body: typeof body === 'object' ? String(body.children[0] ?? '') : '' };
  });
}

export function sessionOf(stage: Stage, user: string, resource: string): Session | undefined {
  return stage.host.account(user)?.sessions.get(resource);
}

export function address(user: string, resource?: string): string {
  return resource === undefined ? `${user}@${DOMAIN}` : `${user}@${DOMAIN}/${resource}`;
}

/** Lets the time for which a session waits for its client pass. */
export async function timeOut(stage: Stage): Promise<void> {
  await stage.clock.advance(RESUME_MS + 1000);
}
