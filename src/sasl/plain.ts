import { SaslError } from '../errors.ts';
import { JID } from '../jid.ts';
import type { SaslAttempt, SaslContext, SaslMechanism, SaslStep } from './mechanism.ts';
import { EMPTY_CHALLENGE } from './mechanism.ts';
import { checkAuthzid, decodeUtf8, prepareUsername } from './prepare.ts';

/** The password itself, which TLS must protect. RFC 4616. */
export const plain: SaslMechanism = {
  name: 'PLAIN',
  usable: ({ secure, allowPlaintext }: SaslContext) => secure || allowPlaintext,
  start: (attempt) => ({ step: (input) => (input === undefined ? EMPTY_CHALLENGE : verify(attempt, input)) }),
};

async function verify({ context, claim }: SaslAttempt, message: Buffer): Promise<SaslStep> {
  const [authzid, authcid, password, ...rest] = decodeUtf8(message).split('\0');
  if (!authcid || !password || authzid === undefined || rest.length > 0) {
    throw new SaslError('malformed-request', { text: 'Expected authzid NUL authcid NUL password.' });
  }
  const username = prepareUsername(authcid);
  const jid = JID.of(username, context.domain);
  checkAuthzid(authzid, jid);
  claim(username);
  if (!(await context.credentials.verifyPassword(username, password))) throw new SaslError('not-authorized');
  return { kind: 'success', jid };
}
