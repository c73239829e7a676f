import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { chooseRecipients, refused } from '../../src/core/delivery.ts';
import { Session } from '../../src/core/session.ts';
import { JID } from '../../src/jid.ts';
import { type Message, message, Payload, presence } from '../../src/stanza.ts';
import { el } from '../../src/xml/element.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { PASSWORD, Stage } from '../support/stage.ts';
import type { StageClient } from '../support/stage-client.ts';
import { availability, errorXml } from './scene.ts';

const TYPES = ['normal', 'chat', 'groupchat', 'headline', 'error'] as const;

/** The sessions of the account by resource, with their priorities; undefined: no initial presence was sent. */
type Sessions = Readonly<Record<string, number | undefined>>;

/** `undefined`: the account does not exist. */
const ACCOUNTS: Readonly<Record<string, Sessions | undefined>> = {
  'does not exist': undefined,
  'no sessions': {},
  'none available': { balcony: undefined },
  'only negative': { balcony: -1 },
  'one non-negative': { balcony: 0 },
  several: { balcony: 5, chamber: 0, cellar: -1 },
};

/**
 * RFC 6121 §8.5.4, table 1, with our choices where it leaves one. D: to the resource addressed. A: to all of non-negative
 * priority. O: kept if anything keeps it, else an error. E: an error. I: ignored.
 */
const TABLE: readonly (readonly [account: string, resource: string, outcomes: string])[] = [
  ['does not exist', '', 'E E E I I'],
  ['does not exist', 'balcony', 'E E E I I'],
  ['no sessions', '', 'O O E I I'],
  ['no sessions', 'balcony', 'E O E I I'],
  ['none available', '', 'O O E I I'],
  ['none available', 'balcony', 'D D D D D'],
  ['none available', 'street', 'E O E I I'],
  ['only negative', '', 'O O E I I'],
  ['only negative', 'balcony', 'D D D D D'],
  ['only negative', 'street', 'E O E I I'],
  ['one non-negative', '', 'A A E A I'],
  ['one non-negative', 'balcony', 'D D D D D'],
  ['one non-negative', 'street', 'E A E I I'],
  ['several', '', 'A A E A I'],
  ['several', 'balcony', 'D D D D D'],
  ['several', 'cellar', 'D D D D D'],
  ['several', 'street', 'E A E I I'],
];

function rows() {
  return TABLE.flatMap(([account, resource, outcomes]) =>
    outcomes.split(' ').map((outcome, i) => {
      const type = TYPES[i] ?? 'normal';
      const to = `juliet@stage.example${resource === '' ? '' : `/${resource}`}`;
      return {
        account,
        sessions: ACCOUNTS[account],
        resource,
        type,
        outcome,
        to,
        title: `${account}: ${type} to ${to}`,
      };
    }),
  );
}

function recipientsOf(outcome: string, resource: string, sessions: Sessions): string[] {
  if (outcome === 'D') return [resource];
  if (outcome !== 'A') return [];
  return Object.keys(sessions).filter((name) => (sessions[name] ?? -1) >= 0);
}

const clock = new ManualClock();

function sessionsOf(sessions: Sessions): Map<string, Session> {
  const all = new Map<string, Session>();
  for (const [resource, priority] of Object.entries(sessions)) {
    const jid = JID.parse(`juliet@stage.example/${resource}`);
    const streams = { bufferedBytes: 0, bytesRead: 0, bytesWritten: 0, remoteAddress: '', secure: true };
    const link = { ...streams, send: () => {}, close: () => {} };
    const limits = () => ({ outboxBytes: 1, outboxStanzas: 1 });
    const session = new Session(jid, link, { clock, boundAt: 0, slots: [], limits, overflowed: () => {} });
    if (priority !== undefined) session.presence = presenceOf(String(priority));
    all.set(resource, session);
  }
  return all;
}

function presenceOf(priority: string) {
  return presence({ type: 'available', payload: new Payload([el('priority', {}, priority)]) });
}

test('recipients are chosen by the table of RFC 6121 §8.5.4', () => {
  for (const { sessions, resource, type, outcome, to, title } of rows()) {
    const stanza: Message = message({ type, to: JID.parse(to) });
    const choice = sessions === undefined ? refused(stanza) : chooseRecipients(stanza, sessionsOf(sessions));
    const chosen = choice.recipients.map((session) => session.jid.resource);
    assert.deepEqual(chosen, recipientsOf(outcome, resource, sessions ?? {}), title);
    const meanings: Readonly<Record<string, string>> = { O: 'store', E: 'error', I: 'ignore' };
    if (chosen.length === 0) assert.equal(choice.otherwise, meanings[outcome], title);
  }
});

test('a priority is a whole number from -128 to 127, and 0 when it is anything else', () => {
  const session = sessionsOf({ balcony: undefined }).get('balcony');
  assert.ok(session);
  const cases: [text: string, priority: number][] = [
    ['127', 127],
    ['-128', -128],
    [' 5\n', 5],
    ['128', 0],
    ['-129', 0],
    ['1.5', 0],
    ['five', 0],
    ['', 0],
  ];
  for (const [written, priority] of cases) {
    session.presence = presenceOf(written);
    assert.equal(session.priority, priority, written);
  }
  session.presence = undefined;
  assert.ok(!session.isAvailable);
  assert.equal(session.priority, 0);
});

for (const [account, sessions] of Object.entries(ACCOUNTS)) {
  test(`messages of every kind arrive or are answered by the table: ${account}`, async (t) => {
    const { romeo, juliet } = await scene(t, sessions);
    for (const { type, outcome, resource, to, title } of rows().filter((row) => row.account === account)) {
      const recipients = recipientsOf(outcome, resource, sessions ?? {});
      await romeo.sends(`<message to="${to}" type="${type}" id="1"><body>hi</body></message>`);
      const typeAttribute = type === 'normal' ? '' : `type="${type}"`;
      for (const name of recipients) {
        await juliet[name]?.receives(
          `<message from="${romeo.jid}" to="${to}" ${typeAttribute} id="1"><body>hi</body></message>`,
        );
      }
      if (outcome === 'E' || outcome === 'O') {
        const error = errorXml('service-unavailable');
        await romeo.receives(`<message from="${to}" to="${romeo.jid}" type="error" id="1">${error}</message>`);
      }
      for (const client of [romeo, ...Object.values(juliet)]) await silence(client, title);
    }
  });
}

async function scene(t: TestContext, sessions: Sessions | undefined) {
  const stage = await Stage.open(t, { features: [availability] });
  const { romeo } = await stage.connected({ romeo: 'romeo' });
  if (sessions !== undefined) await stage.host.users.create('juliet', PASSWORD);
  const names = Object.keys(sessions ?? {});
  const juliet: Record<string, StageClient> = await stage.connected(
    Object.fromEntries(names.map((name) => [name, 'juliet'])),
  );
  for (const name of names) {
    const priority = sessions?.[name];
    if (priority !== undefined) await juliet[name]?.sends(`<presence><priority>${priority}</priority></presence>`);
  }
  return { romeo, juliet };
}

async function silence(client: StageClient, title: string): Promise<void> {
  try {
    await client.receivesNothing();
  } catch (error) {
    throw new Error(title, { cause: error });
  }
}
