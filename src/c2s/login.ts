import { channelBindings } from '../sasl/channel-binding.ts';
import type { SaslContext } from '../sasl/mechanism.ts';
import { Sasl1 } from '../sasl/sasl1.ts';
import type { StreamFeature } from '../stream/negotiation.ts';
import { AUTHENTICATED } from '../stream/stream.ts';
import { verifiedPeerCertificate } from '../tls/peer-certificate.ts';
import { type Element, el, serialize } from '../xml/element.ts';
import { NS_SASL } from '../xml/ns.ts';
import type { ClientConnection } from './connection.ts';

function saslOf(connection: ClientConnection): Sasl1 {
  const { service, remoteAddress, log } = connection;
  connection.sasl ??= new Sasl1({
    context: saslContext(connection),
    mechanisms: service.mechanisms(),
    throttle: service.throttle,
    address: remoteAddress,
    maxFailures: service.settings.current.auth.maxFailuresPerStream,
    onFailure: ({ mechanism, username, error }) =>
      log.info('login.failed', {
        address: remoteAddress,
        host: connection.domain,
        user: username,
        mechanism,
        condition: error.condition,
      }),
  });
  return connection.sasl;
}

async function handle(connection: ClientConnection, element: Element): Promise<void> {
  const result = await saslOf(connection).handle(element);
  connection.send(serialize(result.reply));
  if (result.authenticated === undefined) return;
  connection.log.info('login.succeeded', {
    jid: result.authenticated.toString(),
    mechanism: result.mechanism,
    address: connection.remoteAddress,
    transport: connection.stream.transport.kind,
  });
  connection.authenticated(result.authenticated, result.anonymous);
}

function saslContext(connection: ClientConnection): SaslContext {
  const { service, host } = connection;
  const { kind, tlsSocket } = connection.stream.transport;
  const { auth, tls } = service.settings.current;
  return {
    domain: host.domain,
    credentials: host.users,
    secure: connection.secure,
    allowPlaintext: auth.allowPlaintext,
    // Scripts in browsers cannot learn the channel binding, and some libraries choose -PLUS, once offered, all the same.
    channelBinding: tlsSocket === undefined || kind === 'websocket' ? () => undefined : channelBindings(tlsSocket),
    peerCertificate:
      tlsSocket !== undefined && tls.clientCertificates.enabled ? verifiedPeerCertificate(tlsSocket) : undefined,
  };
}

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

function mayLogIn(connection: ClientConnection): boolean {
  return connection.secure || !connection.service.settings.current.c2s.requireEncryption;
}
