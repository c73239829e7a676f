import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';

/**
 * Returns the certificate that the peer has proved to own, if a trusted authority vouches for it. Ask this and not
 * `socket.authorized` alone: a TLS 1.3 session resumed by a peer that never showed a certificate counts as authorized.
 */
export function verifiedPeerCertificate(socket: TLSSocket): X509Certificate | undefined {
  return socket.authorized ? socket.getPeerX509Certificate() : undefined;
}
