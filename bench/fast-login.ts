import { type Figures, Worker } from './end-to-end/worker.ts';
import { SERVER } from './end-to-end.ts';
import type { Bench, Case } from './runner.ts';

const USERS = 200;
const LOADER = new URL('fast-login/loader.ts', import.meta.url);

/**
 * What the real server spends on whole logins over TLS, from the first stream header to a bound resource: the handshakes are
 * done before, and the streams are closed after what is measured. One unit is one login.
 */
export const fastLogin: Bench = {
  name: 'fast-login',
  rounds: 9,
  warmUps: 8,
  async open(defer) {
    const server = new Worker(SERVER);
    defer(() => server.stop());
    const loader = new Worker(LOADER);
    defer(() => loader.stop());
    const { c2sTls = 0 } = await server.call('start', { users: USERS });
    await loader.call('prepare', { users: USERS, port: c2sTls });
    const logins = (name: string, given: Figures): Case => ({
      name,
      unit: 'µs',
      async round() {
        await loader.call('dial');
        const { cpuUs: before = 0 } = await server.call('usage');
        await loader.call('logIn', given);
        const { cpuUs: after = 0 } = await server.call('usage');
        await loader.call('leave');
        return (after - before) / USERS;
      },
    });
    return [
      logins('SCRAM-SHA-256, then binding', { kind: 0 }),
      logins('SCRAM-SHA-256 by SASL2, with Bind 2', { kind: 1 }),
      logins('FAST, with Bind 2, in one round trip', { kind: 2 }),
    ];
  },
};
