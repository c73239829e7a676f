import type { HttpRequest } from '../../http/message.ts';
import type { Client } from '../../oauth/client.ts';
import { authenticateClient, readClientCredentials } from '../../oauth/client-credentials.ts';
import { OAuthError } from '../../oauth/errors.ts';
import type { Form } from '../../oauth/form.ts';
import type { RegistrationKeys } from '../../oauth/registration-keys.ts';

/**
 * The client that sends a request, by Basic or by the fields of its form. Rejects with OAuthError: `invalid_client` for one that
 * is unknown or does not prove who it is, `invalid_request` for one that says so twice. RFC 6749 §2.3.1.
 */
export async function authenticate(
  keys: Pick<RegistrationKeys, 'verify'>,
  request: HttpRequest,
  form: Form,
): Promise<Client> {
  return authenticateClient(keys, readClientCredentials(authorizationOf(request), form));
}

/** Whether a request says at all which client it comes from. */
export function namesClient({ headers }: HttpRequest, form: Form): boolean {
  return (
    headers.authorization !== undefined || ['client_id', 'client_secret'].some((name) => form.get(name) !== undefined)
  );
}

function authorizationOf({ incoming }: HttpRequest): string | undefined {
  const [header, ...others] = incoming.headersDistinct['authorization'] ?? [];
  if (others.length > 0) throw new OAuthError('invalid_request', 'The client authenticates in more than one way.');
  return header;
}
