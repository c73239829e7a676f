import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;
const PEM_PRIVATE_KEY = /-----BEGIN [A-Z ]*PRIVATE KEY-----/;

/** A text that is shown only when asked for, such as the configuration's `Secret`. */
export interface Concealed {
  reveal(): string;
}

/** Where a certificate chain and its key come from. */
export interface CertificateSource {
  /** Path of the PEM file with the leaf first, then its intermediates. */
  readonly certificate: string;
  /** Path of the PEM file with the private key, or the PEM text itself. */
  readonly key: string | Concealed;
  readonly passphrase?: string | Concealed | undefined;
}

/** A certificate chain with its key, checked to belong together. */
export interface CertifiedKey {
  readonly chain: string;
  readonly key: string;
  readonly leaf: X509Certificate;
  /** The path that the certificate was read from. */
  readonly source: string;
}

/** A certificate or key cannot be used; the message names the file, what is wrong with it and what to do. */
export class CertificateError extends Error {
  override readonly name = 'CertificateError';
}

/** Reads a certificate chain and its key and checks that they belong together. Throws `CertificateError`. */
export async function readCertifiedKey(source: CertificateSource): Promise<CertifiedKey> {
  const path = source.certificate;
  const [chain, keyText] = await Promise.all([
    readPem(path),
    typeof source.key === 'string' ? readPem(source.key) : source.key.reveal(),
  ]);
  const keyName = typeof source.key === 'string' ? source.key : 'the configured key';
  const [leaf, ...intermediates] = parseChain(path, chain);
  if (leaf === undefined) throw new CertificateError(notCertificates(path, chain));
  const key = parseKey(keyName, keyText, source.passphrase);
  if (!leaf.checkPrivateKey(key)) {
    const misplaced = intermediates.some((certificate) => certificate.checkPrivateKey(key));
    throw new CertificateError(
      misplaced
        ? `${path}: the server's own certificate must come first, before its intermediates`
        : `${keyName} does not belong to the certificate in ${path}`,
    );
  }
  return { chain, key: key.export({ type: 'pkcs8', format: 'pem' }).toString(), leaf, source: path };
}

/** Reads PEM certificates of authorities from files. Throws `CertificateError`. */
export async function readAuthorities(paths: readonly string[]): Promise<string[]> {
  const texts = await Promise.all(paths.map(readPem));
  for (const [index, text] of texts.entries()) {
    const path = paths[index] ?? '';
    if (parseChain(path, text).length === 0) throw new CertificateError(notCertificates(path, text));
  }
  return texts;
}

/** Writes a file that only its owner may read, whole or not at all: under a temporary name first, then renamed. */
export async function writePrivately(path: string, text: string): Promise<void> {
  const temporary = `${path}.new`;
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await rm(temporary, { force: true });
  const file = await open(temporary, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}

/** Why the system refused an operation on a file, in words. */
export function describeFileError(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return 'no such file';
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied';
  if (code === 'EISDIR') return 'is a directory';
  return error instanceof Error ? error.message : String(error);
}

async function readPem(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw new CertificateError(`cannot read ${path}: ${describeFileError(error)}`, { cause: error });
  }
}

function parseChain(path: string, text: string): X509Certificate[] {
  return Array.from(text.matchAll(PEM_CERTIFICATE), ([pem], index) => {
    try {
      return new X509Certificate(pem);
    } catch (error) {
      throw new CertificateError(`${path}: certificate ${index + 1} of the file is damaged`, { cause: error });
    }
  });
}

function notCertificates(path: string, text: string): string {
  return PEM_PRIVATE_KEY.test(text)
    ? `${path} holds a private key where a certificate is expected: are the two paths swapped?`
    : `${path} is not a PEM certificate: it has no complete "-----BEGIN CERTIFICATE-----" block`;
}

function parseKey(name: string, text: string, passphrase: CertificateSource['passphrase']): KeyObject {
  if (!PEM_PRIVATE_KEY.test(text)) {
    throw new CertificateError(
      text.includes('-----BEGIN CERTIFICATE-----')
        ? `${name} holds a certificate where a private key is expected: are the two paths swapped?`
        : `${name} is not a PEM private key: it has no "-----BEGIN PRIVATE KEY-----" line`,
    );
  }
  const words = typeof passphrase === 'object' ? passphrase.reveal() : passphrase;
  try {
    return createPrivateKey(words === undefined ? text : { key: text, passphrase: words });
  } catch {
    const isEncrypted = text.includes('ENCRYPTED');
    if (isEncrypted && words === undefined) throw new CertificateError(`${name} is encrypted and needs a passphrase`);
    if (isEncrypted)
      throw new CertificateError(`${name} cannot be decrypted: wrong passphrase, or the file is damaged`);
    throw new CertificateError(`${name} is damaged: it cannot be read as a private key`);
  }
}
