import type { HttpHandler } from '../../http/message.ts';
import { readForm } from '../../oauth/form.ts';
import { authenticate, namesClient } from './clients.ts';
import type { Provider } from './provider.ts';
import { NO_CACHE } from './serving.ts';

/**
 * Ends tokens: for the client that has them and, unless configured otherwise, for whoever finds one. What is no token of ours is
 * as good as ended. RFC 7009 §2.
 */
export function revocationEndpoint({ tokens, keys, config, host }: Provider): HttpHandler {
  return async (request) => {
    const form = await readForm(request);
    const isAnonymous = !config.requireAuthRevoke && !namesClient(request, form);
    const client = isAnonymous ? undefined : await authenticate(keys.registration, request, form);
    const revoked = await tokens.revoke(form.require('token'), client?.hash);
    if (revoked !== undefined) {
      const { jid, grantId, use } = revoked;
      host.log.info('oauth.token-revoked', { jid: jid.toString(), grant: grantId, use, anonymous: isAnonymous });
    }
    return { status: 200, headers: NO_CACHE };
  };
}
