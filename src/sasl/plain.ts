import { SaslError } from '../errors.ts';
import { JID } from '../jid.ts';
import type { SaslAttempt, SaslContext, SaslMechanism, SaslStep, TokenSource } from './mechanism.ts';
import { EMPTY_CHALLENGE } from './mechanism.ts';
import { checkAuthzid, decodeUtf8, prepareUsername } from './prepare.ts';

/** The password itself, which TLS must protect. RFC 4616. A bearer token in its place where the operator allows that. */
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
  const { tokens } = context;
  if (tokens?.asPasswords === true && tokens.isToken(password)) return verifyToken(tokens, jid, password);
  if (!(await context.credentials.verifyPassword(username, password))) throw new SaslError('not-authorized');
  return { kind: 'success', jid };
}

/** For clients that know no other way to send a token. It is tried as that only: a password never begins like one. */
async function verifyToken(tokens: TokenSource, jid: JID, token: string): Promise<SaslStep> {
  const access = await tokens.verifyForLogin(token);
  const isGood = access?.role !== undefined && access.jid.equals(jid);
  if (!isGood) throw new SaslError('not-authorized', { isGuess: tokens.isMadeUp(token) });
  return { kind: 'success', jid, access };
}
