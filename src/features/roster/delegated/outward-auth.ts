import { createHmac } from 'node:crypto';
import type { DelegatedRosterConfig } from './config.ts';

type Headers = Readonly<Record<string, string>>;

/** How the server proves itself to the application: the headers for a request at a time, in milliseconds since the epoch. */
export type OutwardAuth = (target: string, body: string | undefined, now: number) => Headers;

/** Returns what the option `auth` asks for: a bearer token (RFC 6750 §2.1), a password (RFC 7617 §2), a signature, or nothing. */
export function outwardAuth(auth: DelegatedRosterConfig['auth']): OutwardAuth {
  const { bearer, user, password, hmacSecret } = auth ?? {};
  if (hmacSecret !== undefined) return (...request) => signed(hmacSecret.reveal(), ...request);
  if (bearer !== undefined) return always(`Bearer ${bearer.reveal()}`);
  if (user === undefined || password === undefined) return () => ({});
  return always(`Basic ${Buffer.from(`${user}:${password.reveal()}`).toString('base64')}`);
}

function always(authorization: string): OutwardAuth {
  const headers = { authorization };
  return () => headers;
}

/** Signs time, path with query, and the body if there is one, each after a dot. */
function signed(secret: string, target: string, body: string | undefined, now: number): Headers {
  const timestamp = String(Math.floor(now / 1000));
  const said = body === undefined ? `${timestamp}.${target}` : `${timestamp}.${target}.${body}`;
  const signature = createHmac('sha256', secret).update(said).digest('hex');
  return { 'x-timestamp': timestamp, 'x-signature': `sha256=${signature}` };
}
