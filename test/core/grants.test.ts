import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { GRANTS, type Grant, isLive, type Token } from '../../src/core/grant-record.ts';
import { type GrantDraft, Grants, type RevocationReason } from '../../src/core/grants.ts';
import { grantRevoked } from '../../src/core/points.ts';
import { Sealing } from '../../src/core/sealing.ts';
import { openMemoryStore } from '../../src/store/memory.ts';
import { ManualClock } from '../support/manual-clock.ts';
import { PASSWORD, Stage } from '../support/stage.ts';

const DAY_MS = 86_400_000;
const KEY = Buffer.alloc(32, 3);

function scene(t: TestContext, maxPerPurpose?: number) {
  const clock = new ManualClock();
  const store = openMemoryStore({ clock });
  t.after(() => store.close());
  const table = store.table(GRANTS);
  const open = (domain: string): Grants =>
    new Grants({
      domain,
      store,
      table,
      clock,
      sealing: new Sealing(KEY),
      ...(maxPerPurpose === undefined ? {} : { maxPerPurpose }),
    });
  const token = (ms = DAY_MS): Token => ({ secret: 'x', issuedAt: clock.now(), expiresAt: clock.now() + ms, data: {} });
  const draft = (purpose = 'test', differences: Partial<GrantDraft> = {}): GrantDraft => ({
    purpose,
    role: 'member',
    tokens: { one: token() },
    ...differences,
  });
  const grants = open('capulet.example');
  const revoked: [id: string, reason: RevocationReason][] = [];
  grants.onRevoked((_, { id }, reason) => revoked.push([id, reason]));
  return { clock, store, table, open, grants, token, draft, revoked };
}

async function idsOf(grants: Grants, local = 'juliet'): Promise<string[]> {
  return (await grants.list(local)).map(({ id }) => id).sort();
}

describe('The grants of an account', () => {
  test('are found again, by their identifier and in a list', async (t) => {
    const { grants, draft, clock } = scene(t);
    const grant = await grants.create('juliet', draft('oauth', { client: 'c', data: { name: 'Backup', n: 1 } }));
    assert.deepEqual(await grants.get('juliet', grant.id), grant);
    assert.deepEqual(await grants.list('juliet'), [grant]);
    assert.equal(grant.createdAt, clock.now());
    assert.equal(grant.role, 'member');
    assert.deepEqual(await grants.list('nurse'), []);
    assert.equal(await grants.get('nurse', grant.id), undefined);
  });

  test('are those of one host', async (t) => {
    const { grants, open, draft } = scene(t);
    await grants.create('juliet', draft(), 'a');
    assert.deepEqual(await open('montague.example').list('juliet'), []);
  });

  test('end with their time, or with the last of their tokens', async (t) => {
    const { grants, draft, token, clock } = scene(t);
    await grants.create('juliet', draft('test', { expiresAt: clock.now() + 1000 }), 'short');
    await grants.create('juliet', draft('test', { tokens: { one: token(2000), other: token(3000) } }), 'long');
    assert.deepEqual(await idsOf(grants), ['long', 'short']);
    await clock.advance(1000);
    assert.deepEqual(await idsOf(grants), ['long']);
    assert.equal(await grants.isLive('juliet', 'short'), false);
    await clock.advance(2000);
    assert.deepEqual(await idsOf(grants), []);
  });

  test('are bounded: the least recently used makes room', async (t) => {
    const { grants, draft, clock, revoked } = scene(t, 2);
    for (const id of ['a', 'b']) {
      await clock.advance(1);
      await grants.create('juliet', draft(), id);
    }
    await clock.advance(1);
    grants.used('juliet', 'a');
    await grants.writeUses();
    await clock.advance(1);
    await grants.create('juliet', draft('other'), 'of-another-purpose');
    await grants.create('juliet', draft(), 'c');
    assert.deepEqual(await idsOf(grants), ['a', 'c', 'of-another-purpose']);
    assert.deepEqual(revoked, [['b', 'replaced']]);
  });

  test('are swept away a month after they have expired', async (t) => {
    const { grants, draft, clock, table } = scene(t);
    for (let i = 0; i < 300; i++) await grants.create(`user-${i}`, draft(), 'x');
    await clock.advance(DAY_MS);
    await grants.sweep();
    assert.ok(await table.get('capulet.example', 'user-1', 'x'));
    await clock.advance(30 * DAY_MS);
    await grants.create('user-2', draft(), 'y');
    await grants.sweep();
    const left: unknown[] = [];
    for await (const [key] of table.list([])) left.push(key);
    assert.deepEqual(left, [['capulet.example', 'user-2', 'y']]);
  });

  test('a use is remembered and written with others', async (t) => {
    const { grants, draft, clock } = scene(t);
    await grants.create('juliet', draft(), 'a');
    await clock.advance(500);
    grants.used('juliet', 'a');
    grants.used('juliet', 'gone');
    await grants.writeUses();
    assert.equal((await grants.get('juliet', 'a'))?.accessedAt, clock.now());
    assert.equal(await grants.get('juliet', 'gone'), undefined);
  });
});

describe('Revocation', () => {
  test('takes the tokens and what was derived along, at once, and then tells', async (t) => {
    const { grants, draft, revoked, store } = scene(t);
    await grants.create('juliet', draft(), 'a');
    await grants.create('juliet', draft('fast', { parent: 'a' }), 'a1');
    await grants.create('juliet', draft('fast', { parent: 'a1' }), 'a11');
    await grants.create('juliet', draft('fast', { parent: 'b' }), 'b1');
    store.hold();
    const revoking = grants.revoke('juliet', 'a');
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(revoked.length, 0);
    store.release();
    assert.equal(await revoking, true);
    assert.deepEqual(await idsOf(grants), ['b1']);
    assert.deepEqual(revoked.map(([id]) => id).sort(), ['a', 'a1', 'a11']);
  });

  test('of what is not there, or cannot be used any more, is none', async (t) => {
    const { grants, draft, clock } = scene(t);
    assert.equal(await grants.revoke('juliet', 'a'), false);
    await grants.create('juliet', draft(), 'a');
    assert.equal(await grants.revoke('nurse', 'a'), false);
    await clock.advance(DAY_MS);
    assert.equal(await grants.revoke('juliet', 'a'), false);
    assert.equal(await grants.get('juliet', 'a'), undefined);
  });

  test('that the store refuses has not happened, and nobody is told', async (t) => {
    const { grants, draft, store, revoked } = scene(t);
    await grants.create('juliet', draft(), 'a');
    await grants.create('juliet', draft('fast', { parent: 'a' }), 'a1');
    store.failNextCommit(new Error('disk full'));
    await assert.rejects(grants.revoke('juliet', 'a'), { name: 'StoreError' });
    assert.deepEqual(await idsOf(grants), ['a', 'a1']);
    assert.deepEqual(revoked, []);
  });

  test('of all that is older than a password leaves what is newer', async (t) => {
    const { grants, draft, token, clock } = scene(t);
    await grants.create('juliet', draft(), 'old');
    const before = token();
    await clock.advance(10);
    await grants.create('juliet', draft('test', { tokens: { before, after: token() } }), 'renewed');
    await grants.create('juliet', draft(), 'new');
    await grants.revokeOutdated('juliet', clock.now());
    assert.deepEqual(await idsOf(grants), ['new', 'renewed']);
    clock.set(-1);
    await grants.revokeOutdated('juliet', clock.now());
    assert.deepEqual(await idsOf(grants), [], 'made before the clock was set back');
    await grants.create('juliet', draft(), 'newest');
    await grants.revokeAll('juliet', 'account-removed');
    assert.deepEqual(await idsOf(grants), []);
  });

  test('is announced on the host', async (t) => {
    const told: string[] = [];
    const stage = await Stage.open(t, {
      features: [
        {
          name: 'observer',
          specs: [],
          setup: (host) =>
            host.observe(grantRevoked, ({ jid, grant, reason }) => void told.push(`${jid} ${grant.id} ${reason}`)),
        },
      ],
    });
    const { grants, users } = stage.host;
    await users.create('romeo', PASSWORD);
    const token = { secret: 'x', issuedAt: stage.clock.now(), expiresAt: stage.clock.now() + DAY_MS, data: {} };
    await grants.create('romeo', { purpose: 'oauth', role: 'normal', tokens: { access: token } }, 'g');
    await stage.clock.advance(1);
    await users.setPassword('romeo', 'another');
    while (told.length === 0) await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(told, ['romeo@stage.example g password-changed']);
  });
});

describe('What is stored of a grant', () => {
  const good: Grant = {
    id: 'a',
    purpose: 'fast',
    role: 'member',
    client: 'c',
    parent: 'p',
    createdAt: 1,
    accessedAt: 2,
    expiresAt: 3,
    tokens: { one: { secret: 's', issuedAt: 1, expiresAt: 2, data: { count: 5 } } },
    data: { name: 'x' },
  };

  test('is read back', () => {
    assert.deepEqual(GRANTS.parse(JSON.parse(JSON.stringify(good))), good);
    const { client: _, parent: __, expiresAt: ___, ...short } = good;
    assert.deepEqual(GRANTS.parse(short), { ...short, client: undefined, parent: undefined, expiresAt: undefined });
  });

  test('is refused when it is damaged', () => {
    const damaged: unknown[] = [null, [], 'x', {}, { ...good, role: 'king' }, { ...good, tokens: [] }];
    damaged.push({ ...good, tokens: { one: {} } }, { ...good, id: 1 }, { ...good, createdAt: 'x' });
    damaged.push({ ...good, data: { x: {} } }, { ...good, expiresAt: 'x' }, { ...good, client: 1 });
    for (const json of damaged) assert.throws(() => GRANTS.parse(json), TypeError, JSON.stringify(json));
  });

  test('a grant without tokens is of no use', () => {
    assert.equal(isLive({ ...good, expiresAt: undefined, tokens: {} }, 0), false);
  });
});

describe('Sealed secrets', () => {
  const sealing = new Sealing(KEY);

  test('open at their place only, with the same key', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'grapheme' }), (secret, place) => {
        const sealed = sealing.seal(secret, place);
        assert.equal(sealing.open(sealed, place), secret);
        assert.equal(new Sealing(KEY).open(sealed, place), secret);
        assert.equal(sealing.open(sealed, `${place}.`), undefined);
        assert.equal(new Sealing(Buffer.alloc(32, 4)).open(sealed, place), undefined);
      }),
      { numRuns: 100 },
    );
  });

  test('do not open when a single bit is another, or bytes are missing', () => {
    const sealed = Buffer.from(sealing.seal('secret', 'place'), 'base64');
    for (let i = 0; i < sealed.length * 8; i++) {
      const changed = Buffer.from(sealed);
      changed[i >> 3] = (changed[i >> 3] ?? 0) ^ (1 << (i & 7));
      assert.equal(sealing.open(changed.toString('base64'), 'place'), undefined);
    }
    for (let length = 0; length < sealed.length; length++) {
      assert.equal(sealing.open(sealed.subarray(0, length).toString('base64'), 'place'), undefined);
    }
    assert.equal(sealing.open('*', 'place'), undefined);
  });

  test('never look the same twice, while digests do', () => {
    assert.notEqual(sealing.seal('secret', 'place'), sealing.seal('secret', 'place'));
    assert.equal(sealing.digest('secret'), sealing.digest('secret'));
    assert.notEqual(sealing.digest('secret'), new Sealing(Buffer.alloc(32)).digest('secret'));
  });
});
