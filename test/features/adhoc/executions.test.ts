import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Session } from '../../../src/core/session.ts';
import { StanzaError } from '../../../src/errors.ts';
import type { AdHocCommand } from '../../../src/features/adhoc/api.ts';
import { Executions, LIFETIME_MS, MAX_OF_HOST } from '../../../src/features/adhoc/executions.ts';
import { JID } from '../../../src/jid.ts';
import { ManualClock } from '../../support/manual-clock.ts';

const command: AdHocCommand<unknown> = {
  node: 'urn:example:x',
  name: 'X',
  permission: 'communicate',
  execute: () => ({}),
};

test('when too many wait on a host none begins, until the time of some is up', async () => {
  const clock = new ManualClock();
  const executions = new Executions(clock);
  const limits = () => ({ outboxBytes: 0, outboxStanzas: 0 });
  for (let i = 0; i < MAX_OF_HOST; i++) {
    executions.checkRoom();
    const options = { clock, boundAt: 0, slots: [], limits, overflowed: () => {} };
    const session = new Session(JID.parse(`user${i}@stage.example/r`), undefined, options);
    executions.begin({ session, to: 'stage.example', command, stage: { form: { fields: [] } } });
  }
  const isFull = (error: unknown) => error instanceof StanzaError && error.condition === 'resource-constraint';
  assert.throws(() => executions.checkRoom(), isFull);
  await clock.advance(LIFETIME_MS);
  executions.prune();
  executions.checkRoom();
});
