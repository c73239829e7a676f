import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import type { TestContext } from 'node:test';
import { bind2 } from '../../src/features/bind2.ts';
import { fast } from '../../src/features/fast/index.ts';
import { sasl2 } from '../../src/features/sasl2.ts';
import { attr, child, type Element, elements, firstElement, serialize, text } from '../../src/xml/element.ts';
import { DOMAIN, PASSWORD, Stage, type StageOptions } from '../support/stage.ts';
import type { StageClient } from '../support/stage-client.ts';

export const NS_SASL2 = 'urn:xmpp:sasl:2';
export const NS_BIND2 = 'urn:xmpp:bind:0';
export const NS_FAST = 'urn:xmpp:fast:0';
export const NS_SM = 'urn:xmpp:sm:3';
export const NS_CONDITIONS = 'urn:ietf:params:xml:ns:xmpp-sasl';

/** The identifiers of two installations. */
export const PHONE = '8c2d7c1e-3f41-4a3f-9a63-6f2b0a4f9b10';
export const LAPTOP = '1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed';

export const HT_NONE = 'HT-SHA-256-NONE';
export const BIND = `<bind xmlns='${NS_BIND2}'><tag>Pelican</tag></bind>`;
export const REQUEST_TOKEN = `<request-token xmlns='${NS_FAST}' mechanism='${HT_NONE}'/>`;

/** A stage where romeo can log in in one step. */
export async function open(t: TestContext, options: Partial<StageOptions> = {}) {
  const { features = [], ...rest } = options;
  const stage = await Stage.open(t, { features: [sasl2, bind2, fast, ...features], ...rest });
  if (!(await stage.host.users.exists('romeo'))) await stage.host.users.create('romeo', PASSWORD);
  const connect = async (attributes?: string): Promise<Sasl2Client> => {
    const client = new Sasl2Client(stage.connect('client'));
    client.features = await client.stage.open(attributes);
    return client;
  };
  return { stage, connect };
}

/** What a login is made of; the children stand in `<authenticate/>` as they are. */
export interface LoginOptions {
  readonly user?: string;
  readonly clientId?: string | undefined;
  readonly children?: string;
}

/** A client on the stage that logs in by SASL2. */
export class Sasl2Client {
  readonly stage: StageClient;
  features: Element | undefined;

  constructor(stage: StageClient) {
    this.stage = stage;
  }

  /** Sends `<authenticate/>` and returns what is answered. */
  async authenticate(mechanism: string, initial: Buffer | string, options: LoginOptions = {}): Promise<Element> {
    await this.stage.sends(authenticate(mechanism, initial, options));
    return this.stage.next();
  }

  /** Logs in with the password and returns the answer. */
  plain(options: LoginOptions & { password?: string } = {}): Promise<Element> {
    const { user = 'romeo', password = PASSWORD } = options;
    return this.authenticate('PLAIN', `\0${user}\0${password}`, options);
  }

  /** Logs in with a token; `attributes` are those of `<fast/>`. */
  token(token: string, options: LoginOptions & { attributes?: string; mechanism?: string } = {}): Promise<Element> {
    const { attributes = '', user = 'romeo', mechanism = HT_NONE, children = '' } = options;
    const initial = Buffer.concat([Buffer.from(`${user}\0`), hmac(token, 'Initiator')]);
    const all = `<fast xmlns='${NS_FAST}' ${attributes}/>${children}`;
    return this.authenticate(mechanism, initial, { clientId: PHONE, ...options, children: all });
  }
}

export function authenticate(
  mechanism: string,
  initial: Buffer | string,
  { clientId, children = '' }: LoginOptions,
): string {
  const agent =
    clientId === undefined
      ? ''
      : `<user-agent id='${clientId}'><software>Pelican</software><device>Phone</device></user-agent>`;
  const data = Buffer.from(initial).toString('base64');
  return `<authenticate xmlns='${NS_SASL2}' mechanism='${mechanism}'><initial-response>${data}</initial-response>${agent}${children}</authenticate>`;
}

/** The hash of a token, with or without what it is bound to. */
export function hmac(token: string, role: 'Initiator' | 'Responder', binding: Buffer = Buffer.alloc(0)): Buffer {
  return createHmac('sha256', token).update(role).update(binding).digest();
}

/** The token that a success carries. */
export function tokenOf(success: Element): string {
  const token = child(success, 'token', NS_FAST);
  assert.ok(token, serialize(success));
  return attr(token, 'token') ?? '';
}

/** The address that a success tells. */
export function identifierOf(success: Element): string {
  assert.equal(success.name, 'success', serialize(success));
  return text(child(success, 'authorization-identifier'));
}

/** The condition of a failure, which is always in the namespace of RFC 6120. */
export function conditionOf(failure: Element): string {
  assert.equal(failure.name, 'failure', serialize(failure));
  assert.equal(failure.attrs['xmlns'], NS_SASL2);
  const condition = firstElement(failure);
  assert.equal(condition?.attrs['xmlns'], NS_CONDITIONS);
  return condition?.name ?? '';
}

/** Names of the children of an element. */
export function namesIn(element: Element | undefined): string[] {
  return element === undefined ? [] : elements(element).map(({ name }) => name);
}

export { DOMAIN, PASSWORD };
