import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { fast } from '../../../src/core/fast.ts';
import type { Login } from '../../../src/core/login.ts';
import { clientLoggedIn } from '../../../src/core/points.ts';
import { CLIENTS } from '../../../src/features/client-management/record.ts';
import { conditionOf, DOMAIN, HT_NONE, LAPTOP, REQUEST_TOKEN, tokenOf } from '../../c2s/sasl2-scene.ts';
import type { Stage } from '../../support/stage.ts';
import { list, open, ROMEO } from './scene.ts';

const FLOOD = 10_000;
/** Of these clients, the last so many want tokens. */
const WITH_TOKENS = 300;
const MAX_RECORDS = 20;
/** Of one purpose for each account. */
const MAX_GRANTS = 100;

/** What happens when a client logs in with the password that nobody has seen before, and wants a token or does not. */
async function comes({ host, clock }: Stage, clientId: string, wantsToken: boolean): Promise<void> {
  const login: Login = {
    mechanism: 'SCRAM-SHA-256',
    at: clock.now(),
    role: 'member',
    clientId,
    userAgent: { software: 'Flood', device: undefined },
    grantId: undefined,
  };
  if (wantsToken) await host.services.use(fast).issue(ROMEO, clientId, HT_NONE, login);
  await host.topics.settle(clientLoggedIn, { jid: ROMEO, login, address: '192.0.2.1', session: undefined });
}

test('ten thousand clients that make their identifiers up fill nothing, and the owner keeps what is connected', async (t) => {
  const { stage, connect, phone } = await open(t, { settings: { recordLimit: MAX_RECORDS } });
  const absent = await connect();
  const token = tokenOf(await absent.plain({ clientId: LAPTOP, children: REQUEST_TOKEN }));
  await absent.stage.sends('</stream:stream>');
  const { client } = await phone();
  const [own] = (await list(client)).filter(({ connected }) => connected === 'true');
  assert.ok(own);

  for (let i = 0; i < FLOOD; i++) await comes(stage, randomUUID(), i >= FLOOD - WITH_TOKENS);

  const entries = await list(client);
  assert.deepEqual(
    entries.filter(({ connected }) => connected === 'true').map(({ id }) => id),
    [own.id],
  );
  assert.equal((await stage.table(CLIENTS).get(DOMAIN, 'romeo'))?.length, MAX_RECORDS);
  assert.equal((await stage.host.grants.list('romeo')).length, MAX_GRANTS);
  assert.equal(stage.host.account('romeo')?.sessions.size, 1);

  // Tokens make room in the order of their last use: a client that was away has to know the password.
  const back = await connect();
  assert.equal(conditionOf(await back.token(token, { clientId: LAPTOP })), 'not-authorized');
  assert.equal((await back.plain({ clientId: LAPTOP })).name, 'success');
});
