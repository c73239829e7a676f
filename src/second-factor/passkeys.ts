// Passkeys: credentials of WebAuthn. The library is loaded when the first of them is made or used; that takes a fifth of a
// second and 27 MB, which servers without passkeys need not spend.

import type {
  AuthenticationResponseJSON,
  PublicKeyCredentialCreationOptionsJSON,
  PublicKeyCredentialRequestOptionsJSON,
  RegistrationResponseJSON,
} from '@simplewebauthn/server';
import type { RelyingParty } from './relying-party.ts';

/** EdDSA, ES256 and RS256: what authenticators know, and Node verifies. RFC 9053, RFC 8812. */
const ALGORITHMS = [-8, -7, -257];
/** How long a person may take. */
const TIMEOUT_MS = 300_000;
/** What a browser sends is far smaller. In characters of JSON. */
const MAX_RESPONSE = 16_384;
/** Ours are identifiers of authenticators; the longest allowed have 1023 bytes. WebAuthn Level 3 §4. */
const MAX_ID = 1364;
const MAX_TRANSPORTS = 8;

/** What is kept of a passkey to recognise it; it holds no secret. */
export interface Passkey {
  /** The credential ID, in base64url. */
  readonly id: string;
  /** A COSE key, in base64url. RFC 9052 §7. */
  readonly publicKey: string;
  /** How often it was used, as it says itself; 0 for those that do not count. */
  readonly counter: number;
  /** How browsers reach it, such as `internal` or `usb`. */
  readonly transports: readonly string[];
  /** The RP ID that it was made for. */
  readonly rpId: string;
}

/** For whom a passkey is to be made. */
export interface PasskeyOwner {
  /** 32 bytes that say nothing of the person, in base64url. */
  readonly handle: string;
  /** What the person recognises the account by. */
  readonly account: string;
  /** Those that the account has already. */
  readonly known: readonly Passkey[];
}

/** What a browser answered is not acceptable; the message is for the log. */
export class PasskeyError extends Error {
  override readonly name = 'PasskeyError';
}

/** Returns what `navigator.credentials.create` takes. The challenge is base64url of unguessable bytes. WebAuthn Level 3 §5.4. */
export async function creationOptions(
  party: RelyingParty,
  { handle, account, known }: PasskeyOwner,
  challenge: string,
): Promise<PublicKeyCredentialCreationOptionsJSON> {
  const { generateRegistrationOptions } = await import('@simplewebauthn/server');
  return generateRegistrationOptions({
    rpName: party.name,
    rpID: party.id,
    userName: account,
    userDisplayName: account,
    userID: bytesOf(handle),
    challenge: bytesOf(challenge),
    timeout: TIMEOUT_MS,
    attestationType: 'none',
    supportedAlgorithmIDs: ALGORITHMS,
    excludeCredentials: known.map(({ id, transports }) => ({ id, transports: [...transports] })),
    authenticatorSelection: { residentKey: 'preferred', userVerification: 'preferred' },
  });
}

/**
 * Returns what `navigator.credentials.get` takes: to prove one of these passkeys, or, without any named, whichever one the
 * person chooses; then the authenticator must have verified the person. WebAuthn Level 3 §5.5.
 */
export function requestOptions(
  party: RelyingParty,
  challenge: string,
  passkeys?: readonly Passkey[],
): PublicKeyCredentialRequestOptionsJSON {
  const usable = passkeys?.filter(({ rpId }) => rpId === party.id);
  return {
    challenge,
    rpId: party.id,
    timeout: TIMEOUT_MS,
    userVerification: usable === undefined ? 'required' : 'preferred',
    ...(usable && {
      allowCredentials: usable.map(({ id, transports }) => ({ type: 'public-key', id, transports: [...transports] })),
    }),
  };
}

/** Checks what a browser made for a challenge. Throws PasskeyError. WebAuthn Level 3 §7.1. */
export async function checkCreation(party: RelyingParty, challenge: string, json: string): Promise<Passkey> {
  const response = creationResponse(json);
  return guarded(async () => {
    await refuseCertificates(response);
    const { verifyRegistrationResponse } = await import('@simplewebauthn/server');
    const { verified, registrationInfo } = await verifyRegistrationResponse({
      response,
      expectedChallenge: challenge,
      expectedOrigin: [...party.origins],
      expectedRPID: party.id,
      requireUserVerification: false,
      supportedAlgorithmIDs: ALGORITHMS,
    });
    if (!verified) throw new PasskeyError('the attestation is wrong');
    const { id, publicKey, counter, transports = [] } = registrationInfo.credential;
    if (id.length > MAX_ID) throw new PasskeyError('the identifier is too long');
    return { id, publicKey: base64url(publicKey), counter, transports, rpId: party.id };
  });
}

/** What a browser answered to `requestOptions`, not checked yet but for its form. */
export interface PasskeyAnswer {
  readonly id: string;
  /** The owner's handle, if the authenticator knows it. */
  readonly handle: string | undefined;
  readonly response: AuthenticationResponseJSON;
}

/** What must be true of an answer. */
export interface Expectation {
  readonly challenge: string;
  /** Whether the authenticator must have verified the person, as it must where nothing else does. */
  readonly userVerified: boolean;
}

/** Reads what a browser answered. Throws PasskeyError. */
export function readAnswer(json: string): PasskeyAnswer {
  const { id, fields } = readResponse(json);
  const handle = fields['userHandle'];
  const response: AuthenticationResponseJSON = {
    id,
    rawId: id,
    type: 'public-key',
    clientExtensionResults: {},
    response: {
      clientDataJSON: textOf(fields['clientDataJSON']),
      authenticatorData: textOf(fields['authenticatorData']),
      signature: textOf(fields['signature']),
    },
  };
  return { id, handle: handle === undefined || handle === null ? undefined : textOf(handle), response };
}

/** Checks an answer against the passkey that it names; returns the passkey's new counter. Throws PasskeyError. §7.2. */
export async function checkAnswer(
  party: RelyingParty,
  { response }: PasskeyAnswer,
  passkey: Passkey,
  { challenge, userVerified }: Expectation,
): Promise<number> {
  return guarded(async () => {
    const { verifyAuthenticationResponse } = await import('@simplewebauthn/server');
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      response,
      expectedChallenge: challenge,
      expectedOrigin: [...party.origins],
      expectedRPID: party.id,
      requireUserVerification: userVerified,
      credential: { id: passkey.id, publicKey: bytesOf(passkey.publicKey), counter: passkey.counter },
    });
    if (!verified) throw new PasskeyError('the signature is wrong');
    return authenticationInfo.newCounter;
  });
}

// Whoever made the authenticator does not matter to us, and the library would look up lists of revoked certificates at
// whatever address a certificate names.
async function refuseCertificates({ response }: RegistrationResponseJSON): Promise<void> {
  const { decodeAttestationObject } = await import('@simplewebauthn/server/helpers');
  const attestation = decodeAttestationObject(bytesOf(response.attestationObject));
  const format = attestation.get('fmt');
  const isPlain = format === 'none' || (format === 'packed' && attestation.get('attStmt').get('x5c') === undefined);
  if (!isPlain) throw new PasskeyError('it has certificates that nobody asked for');
}

/** Everything that the library throws is about what it was given. */
async function guarded<T>(run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (error instanceof PasskeyError) throw error;
    throw new PasskeyError(error instanceof Error ? error.message : 'unreadable', { cause: error });
  }
}

function creationResponse(json: string): RegistrationResponseJSON {
  const { id, fields } = readResponse(json);
  const transports = Array.isArray(fields['transports']) ? fields['transports'].filter(isTransport) : [];
  return {
    id,
    rawId: id,
    type: 'public-key',
    clientExtensionResults: {},
    response: {
      clientDataJSON: textOf(fields['clientDataJSON']),
      attestationObject: textOf(fields['attestationObject']),
      transports: transports.slice(0, MAX_TRANSPORTS),
    },
  };
}

function isTransport(value: unknown): value is string {
  return typeof value === 'string' && /^[a-z-]{1,20}$/.test(value);
}

type Fields = { readonly [name: string]: unknown };

function readResponse(json: string): { readonly id: string; readonly fields: Fields } {
  if (json.length > MAX_RESPONSE) throw new PasskeyError('the answer is too long');
  const credential = objectOf(parse(json));
  if (credential['type'] !== 'public-key') throw new PasskeyError('it is no public key');
  return { id: textOf(credential['id']), fields: objectOf(credential['response']) };
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new PasskeyError('the answer is no JSON', { cause: error });
  }
}

function objectOf(value: unknown): Fields {
  if (typeof value !== 'object' || value === null) throw new PasskeyError('the answer lacks an object');
  return { ...value };
}

function textOf(value: unknown): string {
  if (typeof value !== 'string' || !/^[\w-]+$/.test(value)) throw new PasskeyError('the answer lacks base64url');
  return value;
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(text, 'base64url'));
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url');
}
