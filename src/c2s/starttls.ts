import { StreamError } from '../errors.ts';
import type { StreamFeature } from '../stream/negotiation.ts';
import { SECURE } from '../stream/stream.ts';
import { TcpTransport } from '../stream/tcp.ts';
import { el, serialize } from '../xml/element.ts';
import { NS_TLS } from '../xml/ns.ts';
import type { ClientConnection } from './connection.ts';

const PROCEED = serialize(el('proceed', { xmlns: NS_TLS }));

/** Protects a stream that began in clear text. RFC 6120 §5. */
export const startTls: StreamFeature<ClientConnection> = {
  name: 'starttls',
  needs: 0,
  excludes: SECURE,
  accepts: NS_TLS,
  offer(connection) {
    if (!(connection.stream.transport instanceof TcpTransport)) return undefined;
    const { requireEncryption } = connection.service.settings.current.c2s;
    return el('starttls', { xmlns: NS_TLS }, requireEncryption ? el('required') : undefined);
  },
  accept(connection, element) {
    const { transport } = connection.stream;
    if (element.name !== 'starttls' || !(transport instanceof TcpTransport)) {
      throw new StreamError('unsupported-stanza-type');
    }
    transport.startTls(connection.service.startTls, PROCEED, (error) => {
      if (error === undefined) connection.secured();
      else connection.log.debug('tls.failed', { address: connection.remoteAddress, reason: error.message });
    });
  },
};
