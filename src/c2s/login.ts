import { bearerTokens } from '../core/access.ts';
import { identifiedClientsOnly, type Login, passwordLogins } from '../core/login.ts';
import { clientLoggedIn } from '../core/points.ts';
import { granted, isRole, ownRole, type Role } from '../core/roles.ts';
import { SaslError } from '../errors.ts';
import type { JID } from '../jid.ts';
import type { AuthenticateRequest } from '../sasl/authenticate.ts';
import type { AuthenticationOptions } from '../sasl/authentication.ts';
import { channelBindings, hasChannelBinding } from '../sasl/channel-binding.ts';
import { announcedBindings } from '../sasl/downgrade.ts';
import type { SaslContext, TokenAccess } from '../sasl/mechanism.ts';
import { offered } from '../sasl/mechanisms.ts';
import { OAUTHBEARER } from '../sasl/oauthbearer.ts';
import { Sasl1 } from '../sasl/sasl1.ts';
import type { StreamFeature } from '../stream/negotiation.ts';
import { AUTHENTICATED } from '../stream/stream.ts';
import { verifiedPeerCertificate } from '../tls/peer-certificate.ts';
import { type Element, el, serialize } from '../xml/element.ts';
import { NS_SASL } from '../xml/ns.ts';
import type { ClientConnection } from './connection.ts';

const NS_CHANNEL_BINDING = 'urn:xmpp:sasl-cb:0';

/** Who has logged in, and how. */
export interface Identity {
  readonly jid: JID;
  readonly mechanism: string;
  readonly anonymous: boolean;
  /** When the message came that proved it, in milliseconds since the Unix epoch. */
  readonly at: number;
  /** What the client said of itself, if it could. */
  readonly request?: AuthenticateRequest;
  /** The grant and its role, where the login depends on one. */
  readonly derivedFrom?: { readonly grantId: string; readonly role: Role } | undefined;
  /** The same for a login by a bearer token itself. */
  readonly access?: TokenAccess | undefined;
}

function saslOf(connection: ClientConnection): Sasl1 {
  connection.sasl ??= new Sasl1({
    ...authenticationOptions(connection),
    refusal: connection.host.services.has(identifiedClientsOnly) ? NOT_IDENTIFIED : undefined,
    maxFailures: connection.service.settings.current.auth.maxFailuresPerStream,
  });
  return connection.sasl;
}

async function handle(connection: ClientConnection, element: Element): Promise<void> {
  const at = connection.service.clock.now();
  const result = await saslOf(connection).handle(element);
  const jid = result.authenticated;
  const login = jid === undefined ? undefined : await loggedIn(connection, { ...result, jid, at });
  if (jid !== undefined && login !== undefined) await announceLogin(connection, jid, login);
  connection.send(serialize(result.reply));
  if (jid === undefined || login === undefined) return;
  connection.authenticated(jid, login, result.anonymous);
  // RFC 6120 §6.4.6.
  connection.stream.restart();
}

/** What every kind of SASL on a client's stream works with. */
export function authenticationOptions(connection: ClientConnection): AuthenticationOptions {
  const { service, remoteAddress, log, host } = connection;
  return {
    context: saslContext(connection),
    refusesPassword: host.services.find(passwordLogins)?.areRefused,
    mechanisms: service.mechanisms(),
    throttle: service.throttle,
    address: remoteAddress,
    onFailure: ({ mechanism, username, error: { condition } }) => {
      service.counts.login(host.domain, mechanism, condition);
      log.info('login.failed', { address: remoteAddress, host: host.domain, user: username, mechanism, condition });
    },
  };
}

/** Puts down how a client got in, and logs it. */
export async function loggedIn(connection: ClientConnection, identity: Identity): Promise<Login> {
  const { jid, at, mechanism, request, access, derivedFrom = grantOf(access) } = identity;
  const { service, remoteAddress: address, stream, host } = connection;
  connection.log.info('login.succeeded', {
    jid: jid.toString(),
    mechanism,
    address,
    transport: stream.transport.kind,
  });
  service.counts.login(host.domain, mechanism, 'succeeded');
  const role = await roleOf(connection, identity);
  const grant = derivedFrom && (await host.grants.get(jid.local, derivedFrom.grantId));
  return {
    // What was sent in the place of a password must not be remembered as one.
    mechanism: access === undefined ? mechanism : OAUTHBEARER,
    at,
    role: derivedFrom === undefined ? role : granted(derivedFrom.role, role),
    clientId: request?.clientId,
    userAgent: request && { software: request.software, device: request.device },
    address,
    grantId: derivedFrom?.grantId,
    ...(access === undefined ? {} : { tokenId: access.tokenId }),
    ...(grant?.resource === undefined ? {} : { resource: grant.resource }),
  };
}

function grantOf(access: TokenAccess | undefined): Identity['derivedFrom'] {
  if (access === undefined) return undefined;
  const { grantId, role } = access;
  // No mechanism lets in whoever has no role; whoever had one that nobody knows could do next to nothing.
  return { grantId, role: isRole(role) ? role : 'account-read' };
}

/** Tells the features that a client is about to learn that it is in, and waits for them. What fails there is logged. */
export async function announceLogin(connection: ClientConnection, jid: JID, login: Login): Promise<void> {
  const { host, log, remoteAddress: address, session } = connection;
  try {
    await host.topics.settle(clientLoggedIn, { jid, login, address, session });
  } catch (error) {
    log.error('bug', { where: clientLoggedIn.name }, error);
  }
}

async function roleOf({ service, host }: ClientConnection, { jid, anonymous }: Identity): Promise<Role> {
  if (anonymous) return 'guest';
  const user = (await host.users.get(jid.local)) ?? { jid, role: 'member' as const };
  return ownRole(service.settings.current, user);
}

/** What the mechanisms know of a stream: the same for all of them, until TLS begins. */
export function saslContext(connection: ClientConnection): SaslContext {
  connection.saslContext ??= makeContext(connection);
  return connection.saslContext;
}

function makeContext(connection: ClientConnection): SaslContext {
  const { service, host } = connection;
  const { kind, tlsSocket } = connection.stream.transport;
  const { auth, tls } = service.settings.current;
  // Scripts in browsers cannot learn the channel binding, and some libraries choose -PLUS, once offered, all the same.
  const bindable = kind === 'websocket' ? undefined : tlsSocket;
  const protocol = tlsSocket?.getProtocol() ?? null;
  return {
    domain: host.domain,
    credentials: host.users,
    secure: connection.secure,
    allowPlaintext: auth.allowPlaintext,
    tlsVersion: TLS_VERSIONS.get(protocol ?? ''),
    channelBinding: bindable === undefined ? () => undefined : channelBindings(bindable),
    hasChannelBinding: bindable && ((type) => hasChannelBinding(protocol, type)),
    peerCertificate:
      tlsSocket !== undefined && tls.clientCertificates.enabled ? verifiedPeerCertificate(tlsSocket) : undefined,
    tokens: host.services.find(bearerTokens),
  };
}

// RFC 8446 §4.2.1, RFC 5246 §6.2.1.
const TLS_VERSIONS: ReadonlyMap<string, string> = new Map([
  ['TLSv1.3', '0304'],
  ['TLSv1.2', '0303'],
]);

// They have no way to say who they are.
const NOT_IDENTIFIED = new SaslError('malformed-request', {
  text: 'Clients that identify themselves log in by SASL2; this way is closed.',
});

// RFC 6120 §6.5.4.
const ENCRYPT_FIRST = el('failure', { xmlns: NS_SASL }, el('encryption-required'));

/** SASL on a client's stream. Without encryption only where the operator allows that. */
export const login: StreamFeature<ClientConnection> = {
  name: 'sasl',
  needs: 0,
  excludes: AUTHENTICATED,
  accepts: NS_SASL,
  offer: (connection) => (mayLogIn(connection) ? saslOf(connection).offer() : undefined),
  accept: (connection, element) => {
    if (mayLogIn(connection)) return handle(connection, element);
    return connection.send(serialize(ENCRYPT_FIRST));
  },
};

/** Says which types of channel binding there are, beside the mechanisms that use them. XEP-0440. */
export const channelBindingTypes: StreamFeature<ClientConnection> = {
  name: 'sasl-channel-binding',
  needs: 0,
  excludes: AUTHENTICATED,
  offer(connection) {
    if (!mayLogIn(connection)) return undefined;
    const context = saslContext(connection);
    const names = offered(context, connection.service.mechanisms()).map(({ name }) => name);
    const types = announcedBindings(context, names);
    if (types.length === 0) return undefined;
    const list = types.map((type) => el('channel-binding', { type }));
    return el('sasl-channel-binding', { xmlns: NS_CHANNEL_BINDING }, ...list);
  },
};

function mayLogIn(connection: ClientConnection): boolean {
  return connection.secure || !connection.service.settings.current.c2s.requireEncryption;
}
