import { decodeBase64 } from '../sasl/prepare.ts';
import type { Client } from './client.ts';
import { invalidClient, OAuthError } from './errors.ts';
import { decodeComponent, type Form } from './form.ts';
import type { RegistrationKeys } from './registration-keys.ts';
import { decodeUtf8 } from './utf8.ts';

/** Who a request says it comes from. RFC 6749 §2.3.1. */
export interface ClientCredentials {
  readonly id: string;
  /** Undefined if only the identifier was sent, as public clients do. */
  readonly secret: string | undefined;
}

const BASIC = /^Basic +([A-Za-z0-9+/=]+) *$/i;

/**
 * The client's credentials in a request: by Basic, both halves encoded as in a form, or in the body. Undefined if there are
 * none. Throws OAuthError `invalid_request` for both at once, and `invalid_client` for a header that is malformed.
 */
export function readClientCredentials(authorization: string | undefined, form: Form): ClientCredentials | undefined {
  const id = form.get('client_id');
  const secret = form.get('client_secret');
  if (authorization !== undefined) {
    const basic = readBasic(authorization);
    if (secret !== undefined || (id !== undefined && id !== basic.id)) {
      throw new OAuthError('invalid_request', 'The client authenticates in more than one way.');
    }
    return basic;
  }
  if (id === undefined && secret !== undefined) throw new OAuthError('invalid_request', 'The client_id is missing.');
  return id === undefined ? undefined : { id, secret };
}

/**
 * The client whose credentials these are; a public client has only its identifier. A client with a secret may send it in either
 * way. Rejects with OAuthError `invalid_client`.
 */
export async function authenticateClient(
  keys: Pick<RegistrationKeys, 'verify'>,
  credentials: ClientCredentials | undefined,
): Promise<Client> {
  if (credentials === undefined) throw invalidClient('The client did not authenticate.');
  const client = await keys.verify(credentials.id);
  if (client === undefined) throw invalidClient();
  const { secret } = credentials;
  const isRight = secret === undefined ? client.isPublic : client.hasSecret(secret);
  if (!isRight) throw invalidClient();
  return client;
}

function readBasic(authorization: string): ClientCredentials {
  const bytes = decodeBase64(BASIC.exec(authorization)?.[1] ?? '');
  const text = bytes === undefined ? undefined : decodeUtf8(bytes);
  const colon = text?.indexOf(':') ?? -1;
  if (text === undefined || colon < 1) throw invalidClient('The Authorization header is malformed.');
  const secret = decodeHalf(text.slice(colon + 1));
  return { id: decodeHalf(text.slice(0, colon)), secret: secret === '' ? undefined : secret };
}

function decodeHalf(text: string): string {
  try {
    return decodeComponent(text);
  } catch (error) {
    if (error instanceof OAuthError) throw invalidClient('The Authorization header is malformed.');
    throw error;
  }
}
