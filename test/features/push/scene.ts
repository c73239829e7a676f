import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Feature } from '../../../src/core/feature.ts';
import { StanzaError, type StanzaErrorCondition, type StanzaErrorType } from '../../../src/errors.ts';
import { csi } from '../../../src/features/csi/index.ts';
import { offline } from '../../../src/features/offline/index.ts';
import type { Registration } from '../../../src/features/push/api.ts';
import { push } from '../../../src/features/push/index.ts';
import { REGISTRATIONS } from '../../../src/features/push/registrations.ts';
import { sm } from '../../../src/features/sm/index.ts';
import { type AnyStanza, errorFor, type Iq, resultFor } from '../../../src/stanza.ts';
import { attr, child, children, type Element, serialize, text } from '../../../src/xml/element.ts';
import { parseElement } from '../../../src/xml/parser.ts';
import { ownPresence } from '../../support/presence.ts';
import { DOMAIN, PASSWORD, Stage, type StageOptions } from '../../support/stage.ts';
import type { StageClient } from '../../support/stage-client.ts';
import { ENABLE } from '../sm/names.ts';

export const NS = 'urn:xmpp:push:0';
export const NS_PUBSUB = 'http://jabber.org/protocol/pubsub';
export const INACTIVE = '<inactive xmlns="urn:xmpp:csi:0"/>';
export const ACTIVE = '<active xmlns="urn:xmpp:csi:0"/>';
export const APP = `push.${DOMAIN}`;
export const ROMEO = `romeo@${DOMAIN}`;
export const SECOND = 1000;
export const MINUTE = 60_000;
/** The defaults of the feature. */
export const UNACKNOWLEDGED = MINUTE;
export const QUIET = 5 * MINUTE;

/** What an app server does with a request: answers with a result or an error, or not at all. */
export type Reaction =
  | 'result'
  | 'silence'
  | { readonly condition: StanzaErrorCondition; readonly type?: StanzaErrorType };

/** An app server on the stage, as a service of the server. */
export class AppServer {
  reaction: Reaction = 'result';
  readonly #requests: Element[] = [];
  send: (stanza: AnyStanza) => void = () => {};

  /** Takes a stanza that was routed to it. */
  take(stanza: AnyStanza): void {
    assert.equal(stanza.kind, 'iq', stanza.toString());
    if (stanza.kind !== 'iq') return;
    this.#requests.push(parseElement(stanza.toString()));
    this.#react(stanza);
  }

  /** What it was asked since the last time, each request once. */
  requests(): Element[] {
    return this.#requests.splice(0);
  }

  /** The nodes of these requests. */
  nodes(): string[] {
    return this.requests().map(nodeOf);
  }

  #react(request: Iq): void {
    if (this.reaction === 'silence') return;
    if (this.reaction === 'result') return this.send(resultFor(request));
    const { condition, type } = this.reaction;
    this.send(errorFor(request, new StanzaError(condition, type === undefined ? {} : { type })));
  }
}

/** Mounts an app server as a subdomain. */
export function appServer(server: AppServer, subdomain = 'push'): Feature {
  return {
    name: `app-server-${subdomain}`,
    specs: [],
    setup(host) {
      server.send = (stanza) => host.send(stanza);
      host.mount(subdomain, { deliver: (stanza) => server.take(stanza) });
    },
  };
}

export interface SceneOptions extends Partial<StageOptions> {
  readonly settings?: object;
}

/** A stage with an app server, where juliet is online and romeo has an account. */
export async function open(t: TestContext, { features = [], settings = {}, ...options }: SceneOptions = {}) {
  const app = new AppServer();
  const stage = await Stage.open(t, {
    features: [ownPresence, ...features, push, offline, appServer(app), csi, sm],
    ...options,
    config: { features: { push: settings, sm: { resumeMs: 30 * MINUTE } }, ...options.config },
  });
  if (!(await stage.host.users.exists('romeo'))) await stage.host.users.create('romeo', PASSWORD);
  const { juliet } = await stage.online({ juliet: 'juliet' });
  const scene = { stage, app, juliet };
  return {
    ...scene,
    /** Brings a client of romeo's online that is woken by the node of its name. */
    async device(name: string, { managed = false } = {}): Promise<StageClient> {
      const client = (await stage.online({ [name]: 'romeo' }))[name];
      assert.ok(client);
      if (managed) {
        await client.sends(ENABLE);
        await client.nextNamed('enabled');
      }
      await client.set(enable({ node: name }));
      return client;
    },
    /** Juliet writes to romeo; returns the nodes that were woken. */
    async writes(body = 'hi', to = ROMEO): Promise<string[]> {
      await juliet.sends(chat(body, '', to));
      return app.nodes();
    },
    /** Lets time pass; returns the nodes that were woken. */
    async passes(ms: number): Promise<string[]> {
      await stage.clock.advance(ms);
      await juliet.sends('');
      return app.nodes();
    },
  };
}

export function chat(body: string, extra = '', to = ROMEO, type = 'chat'): string {
  return `<message to="${to}" type="${type}"><body>${body}</body>${extra}</message>`;
}

export function enable({
  jid = APP,
  node = 'n',
  content = '',
}: {
  jid?: string;
  node?: string;
  content?: string;
} = {}) {
  return `<enable xmlns="${NS}" jid="${jid}" node="${node}">${content}</enable>`;
}

export function disable(jid = APP, node?: string): string {
  return `<disable xmlns="${NS}" jid="${jid}"${node === undefined ? '' : ` node="${node}"`}/>`;
}

/** The stream is gone without a word. */
export async function breaks(client: StageClient): Promise<void> {
  client.transport.break();
  await client.sends('').catch(() => {});
}

/** What is stored of an account. */
export async function stored(stage: Stage, local = 'romeo'): Promise<readonly Registration[]> {
  return (await stage.table(REGISTRATIONS).get(DOMAIN, local)) ?? [];
}

/** The stored nodes of an account. */
export async function nodes(stage: Stage, local = 'romeo'): Promise<string[]> {
  return (await stored(stage, local)).map(({ node }) => node);
}

export function nodeOf(request: Element): string {
  const pubsub = child(request, 'pubsub', NS_PUBSUB);
  const publish = pubsub && child(pubsub, 'publish');
  assert.ok(publish, serialize(request));
  return attr(publish, 'node') ?? '';
}

/** The fields that a request tells of what waits, without the type of the form. */
export function summaryOf(request: Element): Record<string, string> {
  let inner: Element | undefined = child(request, 'pubsub', NS_PUBSUB);
  for (const name of ['publish', 'item']) inner = inner && child(inner, name);
  const notification = inner && child(inner, 'notification', NS);
  assert.ok(notification, serialize(request));
  const form = child(notification, 'x', 'jabber:x:data');
  if (form === undefined) return {};
  const fields = children(form, 'field').map((field) => [attr(field, 'var') ?? '', text(child(field, 'value'))]);
  const { FORM_TYPE, ...rest } = Object.fromEntries(fields);
  assert.equal(FORM_TYPE, 'urn:xmpp:push:summary');
  return rest;
}
