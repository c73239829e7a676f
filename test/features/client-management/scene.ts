import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { fast as fastService } from '../../../src/core/fast.ts';
import type { Grant } from '../../../src/core/grant-record.ts';
import type { Role } from '../../../src/core/roles.ts';
import { clientManagement } from '../../../src/features/client-management/index.ts';
import { register } from '../../../src/features/register.ts';
import { sm } from '../../../src/features/sm/index.ts';
import { JID } from '../../../src/jid.ts';
import { attr, child, children, type Element, serialize, text } from '../../../src/xml/element.ts';
import {
  BIND,
  DOMAIN,
  HT_NONE,
  identifierOf,
  NS_BIND2,
  NS_SM,
  open as openStage,
  PHONE,
} from '../../c2s/sasl2-scene.ts';
import type { Stage, StageOptions } from '../../support/stage.ts';
import type { StageClient } from '../../support/stage-client.ts';

export const NS = 'xmpp:prosody.im/protocol/manage-clients';
export const NS_CAM = 'urn:xmpp:cam:0';
export const ROMEO = JID.parse(`romeo@${DOMAIN}`);
const HOUR_MS = 3_600_000;

/** An entry of a list, in short. */
export interface Listed {
  readonly id: string;
  readonly type: string | undefined;
  readonly connected: string | undefined;
  readonly firstSeen: string;
  readonly lastSeen: string;
  readonly auth: readonly string[];
  readonly permission: string | undefined;
  readonly software: string;
  readonly element: Element;
}

/** A stage where romeo logs in by every way and has clients managed. */
export async function open(
  t: TestContext,
  { features = [], settings = {}, ...options }: Partial<StageOptions> & { settings?: object } = {},
) {
  const quiet = { notifyNewClients: 'none' };
  const scene = await openStage(t, {
    features: [clientManagement, sm, register, ...features],
    ...options,
    config: { features: { clientManagement: { ...quiet, ...settings } }, ...options.config },
  });
  /** Logs in with the password and binds along with it; returns the client and its address. */
  const phone = async (clientId: string | undefined = PHONE, more = '') => {
    const client = await scene.connect();
    const success = await client.plain({ clientId, children: BIND.replace('/tag>', `/tag>${more}`) });
    await client.stage.next();
    return { client: client.stage, jid: identifierOf(success), success };
  };
  return { ...scene, phone };
}

export type Scene = Awaited<ReturnType<typeof open>>;

/** Asks for the list. */
export async function list(client: StageClient, ns = NS): Promise<Listed[]> {
  const clients = await client.get(`<list xmlns="${ns}"/>`);
  assert.ok(clients);
  assert.equal(attr(clients, 'xmlns'), ns);
  return children(clients, 'client').map((element) => {
    const permission = child(element, 'permission');
    const agent = child(element, 'user-agent');
    return {
      id: attr(element, 'id') ?? '',
      type: attr(element, 'type'),
      connected: attr(element, 'connected'),
      firstSeen: text(child(element, 'first-seen')),
      lastSeen: text(child(element, 'last-seen')),
      auth: children(child(element, 'auth') ?? element).map(({ name }) => name),
      permission: permission && attr(permission, 'status'),
      software: text(agent && child(agent, 'software')),
      element,
    };
  });
}

/** The request that revokes. */
export function revoke(id: string, ns = NS): string {
  return `<revoke xmlns="${ns}" id="${id}"/>`;
}

/** Gives an application access, as OAuth will. */
export function makeGrant({ host, clock }: Stage, role: Role = 'member', local = 'romeo'): Promise<Grant> {
  const now = clock.now();
  return host.grants.create(local, {
    purpose: 'oauth',
    role,
    tokens: { access: { secret: 'digest', issuedAt: now, expiresAt: now + HOUR_MS, data: {} } },
    data: { client_name: 'Backup tool', client_uri: 'https://backup.example/', software_version: '2.1' },
  });
}

/** Logs a client in through a grant: by a token that was derived from it. */
export async function loginThrough(scene: Scene, grant: Grant, clientId = PHONE): Promise<StageClient> {
  const { host, clock } = scene.stage;
  const { role, id: grantId } = grant;
  const login = { mechanism: 'OAUTHBEARER', at: clock.now(), role, clientId, userAgent: undefined, grantId };
  const issued = await host.services.use(fastService).issue(ROMEO, clientId, HT_NONE, login);
  assert.ok(issued);
  const { token } = issued;
  const client = await scene.connect();
  identifierOf(await client.token(token, { clientId, children: BIND }));
  await client.stage.next();
  return client.stage;
}

export const NEW_PASSWORD =
  '<query xmlns="jabber:iq:register"><username>romeo</username><password>thy name</password></query>';

export const ENABLE = `<enable xmlns="${NS_SM}" resume="true"/>`;

/** The identifier by which a session can be resumed that was bound and managed along with its login. */
export function previdOf(success: Element): string {
  const bound = child(success, 'bound', NS_BIND2);
  const enabled = bound && child(bound, 'enabled', NS_SM);
  assert.ok(enabled, serialize(success));
  return attr(enabled, 'id') ?? '';
}

/** Logs in with the new password. */
export async function withNewPassword(scene: Scene, clientId: string): Promise<StageClient> {
  const client = await scene.connect();
  assert.equal((await client.plain({ clientId, password: 'thy name', children: BIND })).name, 'success');
  await client.stage.next();
  return client.stage;
}
