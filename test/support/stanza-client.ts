import { type Agent, createClient } from 'stanza';
import { DOMAIN, eventually, type LiveServer, PASSWORD } from './live-server.ts';
import { acceptAnyCertificate } from './unverified-tls.ts';

// The library gives no way to accept a certificate that is self-signed: its connections are those of this process.
acceptAnyCertificate();

/** Logs a client of the library `stanza` in over a WebSocket. */
export async function connectStanza(
  server: LiveServer,
  username: string,
  { over = 'wss', password = PASSWORD }: { over?: 'ws' | 'wss'; password?: string } = {},
): Promise<Agent> {
  const client = createClient({
    jid: `${username}@${DOMAIN}`,
    password,
    transports: { websocket: server.urls[over], bosh: false },
    autoReconnect: false,
  });
  let state = 'connecting';
  client.on('session:started', () => {
    state = 'started';
  });
  client.on('auth:failed', () => {
    state = 'failed';
  });
  server.beforeEnd(() => {
    client.disconnect();
  });
  client.connect();
  await eventually('the session starts', () => state !== 'connecting');
  if (state === 'failed') throw new Error('not authorized');
  return client;
}
