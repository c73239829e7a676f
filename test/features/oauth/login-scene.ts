import type { TestContext } from 'node:test';
import { type Element, serialize } from '../../../src/xml/element.ts';
import { BIND, identifierOf, type LoginOptions, PHONE, Sasl2Client } from '../../c2s/sasl2-scene.ts';
import type { StageClient } from '../../support/stage-client.ts';
import { open, type TokenScene } from './token-scene.ts';

/** The first message of OAUTHBEARER. */
export function bearer(token: string, authzid = ''): string {
  return `n,${authzid && `a=${authzid}`},\x01auth=Bearer ${token}\x01\x01`;
}

/** A client that has sent its token, and what was answered. */
export interface BearerLogin {
  readonly client: StageClient;
  readonly answer: Element;
}

export type LoginScene = Awaited<ReturnType<typeof openForLogins>>;

/** A stage where romeo's applications log in with bearer tokens. */
export async function openForLogins(t: TestContext, options: Parameters<typeof open>[1] = {}) {
  const scene = await open(t, options);
  const connect = async (): Promise<Sasl2Client> => {
    const client = new Sasl2Client(scene.stage.connect('application'));
    client.features = await client.stage.open();
    return client;
  };
  /** Sends a token by SASL2. */
  const send = async (token: string, login: LoginOptions & { authzid?: string } = {}): Promise<BearerLogin> => {
    const client = await connect();
    const answer = await client.authenticate('OAUTHBEARER', bearer(token, login.authzid), login);
    return { client: client.stage, answer };
  };
  return { ...scene, connect, send };
}

/** An application of romeo's that has logged in with a token of a scope and bound a resource. */
export async function applicationWith(scene: LoginScene, scope: string, clientId = PHONE): Promise<StageClient> {
  const { accessToken } = await scene.issue(scope);
  return boundBy(await scene.send(accessToken, { clientId, children: BIND }));
}

/** The client of a login that bound a resource. */
export async function boundBy({ client, answer }: BearerLogin): Promise<StageClient> {
  client.jid = identifierOf(answer);
  await client.forget();
  return client;
}

/** What a client has received by now. */
export async function received(client: StageClient): Promise<string[]> {
  await client.get('<ping xmlns="urn:xmpp:ping"/>');
  const all = client.transport.received.map(serialize);
  await client.forget();
  return all;
}

export type { TokenScene };
