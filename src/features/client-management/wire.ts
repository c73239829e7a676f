import { type Child, type Element, el } from '../../xml/element.ts';
import type { Client, ClientAgent } from './api.ts';

/** The protocol of Prosody, from which XEP-0494 was made. */
export const NS_CLIENTS = 'xmpp:prosody.im/protocol/manage-clients';
/** XEP-0494. */
export const NS_CAM = 'urn:xmpp:cam:0';
const NS_SCOPES = 'urn:parley:scopes:0';

/** Lists what has access to an account. XEP-0494 §4. */
export function clientList(ns: string, clients: readonly Client[]): Element {
  return el('clients', { xmlns: ns }, ...clients.map((client) => clientElement(ns, client)));
}

function clientElement(ns: string, client: Client): Element {
  const { id, type, isConnected, firstSeen, lastSeen, markers, agent } = client;
  return el(
    'client',
    { id, type, connected: String(isConnected) },
    el('first-seen', {}, stamp(firstSeen)),
    el('last-seen', {}, stamp(lastSeen)),
    el('auth', {}, ...PASSWORD_FIRST.filter((marker) => markers.includes(marker)).map((marker) => el(marker))),
    ns === NS_CAM ? permissionElement(client) : undefined,
    agentElement(agent),
  );
}

const PASSWORD_FIRST = ['password', 'grant', 'fast'] as const;

function permissionElement({ status, scopes }: Client): Element {
  const names = scopes.map((scope) => el('scope', {}, scope));
  return el(
    'permission',
    { status },
    status === 'restricted' ? el('scopes', { xmlns: NS_SCOPES }, ...names) : undefined,
  );
}

function agentElement({ software, softwareId, softwareVersion, uri, device }: ClientAgent): Element | undefined {
  const parts: Child[] = [
    software === undefined ? undefined : el('software', { id: softwareId, version: softwareVersion }, software),
    uri === undefined ? undefined : el('uri', {}, uri),
    device === undefined ? undefined : el('device', {}, device),
  ];
  return parts.some((part) => part !== undefined) ? el('user-agent', {}, ...parts) : undefined;
}

/** A DateTime in UTC without fractions. XEP-0082 §3.2. */
function stamp(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}
