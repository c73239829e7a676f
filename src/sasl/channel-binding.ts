import { createHash } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import type { ChannelBindingType } from './mechanism.ts';

/**
 * Returns what {@link SaslContext.channelBinding} answers for a TLS connection: each type is computed once, when asked for.
 */
export function channelBindings(socket: TLSSocket): (type: ChannelBindingType) => Buffer | undefined {
  const known = new Map<ChannelBindingType, Buffer | undefined>();
  return (type) => {
    if (!known.has(type)) known.set(type, COMPUTE[type](socket));
    return known.get(type);
  };
}

/**
 * Whether a type can be had on a connection with a version of TLS, without computing anything. A certificate whose signature
 * has no hash function that we know is only found out when its end point is asked for.
 */
export function hasChannelBinding(protocol: string | null, type: ChannelBindingType): boolean {
  return type !== 'tls-exporter' || protocol === EXPORTING;
}

// What tls-exporter is had with.
const EXPORTING = 'TLSv1.3';

const COMPUTE: Readonly<Record<ChannelBindingType, (socket: TLSSocket) => Buffer | undefined>> = {
  'tls-exporter': exporter,
  'tls-server-end-point': endPointOf,
  'tls-unique': firstFinished,
};

/**
 * The tls-exporter data. RFC 9266 §2. Only for TLS 1.3: TLS 1.2 needs the extended master secret (RFC 7627), without
 * which a man in the middle can give both sides the same value, and Node does not tell whether it was negotiated.
 */
function exporter(socket: TLSSocket): Buffer | undefined {
  if (socket.getProtocol() !== EXPORTING) return undefined;
  return socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0));
}

/**
 * The tls-unique data: the first Finished message of the handshake, the client's unless the session is resumed. RFC 5929
 * §3. It is not defined for TLS 1.3, but there are clients that use the client's message there too. Not for resumed
 * sessions: of TLS 1.2, a man in the middle can give both sides the same value then.
 */
function firstFinished(socket: TLSSocket): Buffer | undefined {
  return socket.isSessionReused() ? undefined : socket.getPeerFinished();
}

function endPointOf(socket: TLSSocket): Buffer | undefined {
  const certificate = socket.getCertificate();
  if (certificate === null || !('raw' in certificate) || !(certificate.raw instanceof Uint8Array)) return undefined;
  return serverEndPoint(Buffer.from(certificate.raw));
}

// The algorithms of RFC 5758, RFC 4055 and RFC 3279 by the bytes of their object identifiers; MD5 and SHA-1 count as
// SHA-256 (RFC 5929 §4.1).
const RSASSA_PSS = '2a864886f70d01010a';
const SIGNATURE_HASHES: ReadonlyMap<string, string> = new Map([
  ['2a864886f70d010104', 'sha256'], // md5WithRSAEncryption
  ['2a864886f70d010105', 'sha256'], // sha1WithRSAEncryption
  ['2a864886f70d01010e', 'sha224'],
  ['2a864886f70d01010b', 'sha256'],
  ['2a864886f70d01010c', 'sha384'],
  ['2a864886f70d01010d', 'sha512'],
  ['2a8648ce3d0401', 'sha256'], // ecdsa-with-SHA1
  ['2a8648ce3d040301', 'sha224'],
  ['2a8648ce3d040302', 'sha256'],
  ['2a8648ce3d040303', 'sha384'],
  ['2a8648ce3d040304', 'sha512'],
  ['2b6570', 'sha256'], // Ed25519
]);
const PSS_HASHES: ReadonlyMap<string, string> = new Map([
  ['2b0e03021a', 'sha256'], // SHA-1
  ['608648016503040204', 'sha224'],
  ['608648016503040201', 'sha256'],
  ['608648016503040202', 'sha384'],
  ['608648016503040203', 'sha512'],
]);

/**
 * The tls-server-end-point data of a server certificate in DER: its hash by the hash function of its signature. RFC 5929
 * §4.1, which leaves signatures without one undefined; for Ed25519 we take SHA-256, as others do.
 */
export function serverEndPoint(der: Buffer): Buffer | undefined {
  const hash = signatureHash(der);
  return hash === undefined ? undefined : createHash(hash).update(der).digest();
}

// Certificate ::= SEQUENCE { tbsCertificate, signatureAlgorithm AlgorithmIdentifier, signatureValue }. RFC 5280 §4.1.
function signatureHash(der: Buffer): string | undefined {
  const [certificate] = readElements(der);
  const [, algorithm] = readElements(certificate?.content);
  const [identifier, parameters] = readElements(algorithm?.content);
  const oid = identifier?.content.toString('hex') ?? '';
  return oid === RSASSA_PSS ? pssHash(parameters?.content) : SIGNATURE_HASHES.get(oid);
}

// RSASSA-PSS-params ::= SEQUENCE { hashAlgorithm [0] AlgorithmIdentifier DEFAULT sha1, … }. RFC 4055 §3.1.
function pssHash(parameters: Buffer | undefined): string | undefined {
  const explicit = readElements(parameters).find((element) => element.tag === 0xa0);
  if (explicit === undefined) return 'sha256';
  const [algorithm] = readElements(explicit.content);
  const [identifier] = readElements(algorithm?.content);
  return PSS_HASHES.get(identifier?.content.toString('hex') ?? '');
}

interface DerElement {
  readonly tag: number;
  readonly content: Buffer;
}

/** Splits the DER elements that stand side by side; stops at the first that is damaged. */
function readElements(der: Buffer | undefined): DerElement[] {
  const found: DerElement[] = [];
  for (let at = 0; der !== undefined && at + 2 <= der.length; ) {
    const tag = der.readUInt8(at);
    const short = der.readUInt8(at + 1);
    const lengthBytes = short < 0x80 ? 0 : short & 0x7f;
    const start = at + 2 + lengthBytes;
    if (lengthBytes > 4 || start > der.length) break;
    const length = lengthBytes === 0 ? short & 0x7f : der.readUIntBE(at + 2, lengthBytes);
    if (start + length > der.length) break;
    found.push({ tag, content: der.subarray(start, start + length) });
    at = start + length;
  }
  return found;
}
