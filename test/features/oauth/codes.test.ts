import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Approval } from '../../../src/features/oauth/approval.ts';
import { AuthorizationCodes } from '../../../src/features/oauth/codes.ts';
import { JID } from '../../../src/jid.ts';
import { ManualClock } from '../../support/manual-clock.ts';
import { failsWith } from './token-scene.ts';

const APPROVAL: Approval = {
  jid: JID.parse('romeo@stage.example'),
  scopes: ['xmpp'],
  role: 'member',
  authenticatedAt: 0,
  amr: ['pwd'],
  nonce: undefined,
};
const FACTS = {
  clientHash: 'client',
  approval: APPROVAL,
  challenge: undefined,
  redirectUri: 'https://garden.example/',
};

function open(maxCodes?: number) {
  const clock = new ManualClock();
  const revoked: string[] = [];
  const revoke = async (_: Approval, grantId: string): Promise<void> => void revoked.push(grantId);
  const codes = new AuthorizationCodes({ clock, revoke, ...(maxCodes === undefined ? {} : { maxCodes }) });
  return { clock, revoked, codes };
}

const grant = async () => ({ grantId: 'grant' });

test('a code is 18 bytes that nobody can guess', () => {
  const { codes } = open();
  const [first, second] = [codes.issue(FACTS), codes.issue(FACTS)];
  assert.match(first, /^[\w-]{24}$/);
  assert.notEqual(first, second);
});

test('a code that is used while it is being exchanged takes what comes of it with it', async () => {
  const { codes, revoked } = open();
  const code = codes.issue(FACTS);
  let finish: (made: { grantId: string }) => void = () => {};
  const first = codes.redeem(
    code,
    'client',
    () =>
      new Promise<{ grantId: string }>((resolve) => {
        finish = resolve;
      }),
  );
  await failsWith('invalid_grant', () => codes.redeem(code, 'client', grant));
  assert.deepEqual(revoked, []);
  finish({ grantId: 'grant' });
  await failsWith('invalid_grant', () => first);
  assert.deepEqual(revoked, ['grant']);
});

test('an exchange that fails uses the code up', async () => {
  const { codes, revoked } = open();
  const code = codes.issue(FACTS);
  await assert.rejects(
    codes.redeem(code, 'client', () => Promise.reject(new Error('no room'))),
    /no room/,
  );
  await failsWith('invalid_grant', () => codes.redeem(code, 'client', grant));
  assert.deepEqual(revoked, []);
});

test('another client does not use a code up', async () => {
  const { codes } = open();
  const code = codes.issue(FACTS);
  await failsWith('invalid_grant', () => codes.redeem(code, 'another', grant));
  assert.deepEqual(await codes.redeem(code, 'client', grant), { grantId: 'grant' });
});

test('of one account so many may wait, and the oldest makes room: nobody keeps the others out', async () => {
  const { codes } = open(60);
  const first = codes.issue(FACTS);
  const second = codes.issue(FACTS);
  for (let i = 0; i < 19; i++) codes.issue(FACTS);
  await failsWith('invalid_grant', () => codes.redeem(first, 'client', grant));
  assert.deepEqual(await codes.redeem(second, 'client', grant), { grantId: 'grant' });
  for (let i = 0; i < 100; i++) codes.issue(FACTS);
  const others = { ...FACTS, approval: { ...APPROVAL, jid: JID.parse('juliet@stage.example') } };
  const code = codes.issue(others);
  assert.deepEqual(await codes.redeem(code, 'client', grant), { grantId: 'grant' });
});

test('so many codes may wait at the same time, and those that have expired make room', async () => {
  const { codes, clock } = open(3);
  const full = (): void => assert.throws(() => codes.issue(FACTS), { code: 'temporarily_unavailable' });
  codes.issue(FACTS);
  await clock.advance(1000);
  const code = codes.issue(FACTS);
  codes.issue(FACTS);
  full();
  await codes.redeem(code, 'client', grant);
  codes.issue(FACTS);
  full();
  await clock.advance(599_000);
  codes.issue(FACTS);
  full();
});
