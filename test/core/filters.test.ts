import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { FeatureHost } from '../../src/core/feature.ts';
import {
  accountDelivers,
  accountReceives,
  accountSends,
  CONSUMED,
  type Passage,
  sessionReceives,
  type Verdict,
} from '../../src/core/points.ts';
import { StanzaError } from '../../src/errors.ts';
import { type AnyStanza, message, Payload } from '../../src/stanza.ts';
import type { Awaitable } from '../../src/util/awaitable.ts';
import { el } from '../../src/xml/element.ts';
import { settle } from '../support/manual-clock.ts';
import { Stage } from '../support/stage.ts';
import { availability, errorXml, feature, gate } from './scene.ts';

type Run = (passage: { readonly stanza: AnyStanza }) => Awaitable<Verdict>;

// Each of the four points, by the same signature.
const POINTS: Readonly<Record<string, (host: FeatureHost, run: Run) => void>> = {
  accountSends: (host, run) => host.filter(accountSends, only('romeo', run)),
  accountReceives: (host, run) => host.filter(accountReceives, only('romeo', run)),
  accountDelivers: (host, run) => host.filter(accountDelivers, only('romeo', run)),
  sessionReceives: (host, run) => host.filter(sessionReceives, only('romeo', run)),
};

/** The points whose passages can be held, by the same signature. */
const ACCOUNT_POINTS: Readonly<Record<string, (host: FeatureHost, run: (p: Passage) => Awaitable<Verdict>) => void>> = {
  accountSends: (host, run) => host.filter(accountSends, only('romeo', run)),
  accountReceives: (host, run) => host.filter(accountReceives, only('romeo', run)),
  accountDelivers: (host, run) => host.filter(accountDelivers, only('romeo', run)),
};

// Only what romeo sends with an id, not what comes back to him nor his presence.
function only<P extends { readonly stanza: AnyStanza }>(local: string, run: (passage: P) => Awaitable<Verdict>) {
  return (passage: P): Awaitable<Verdict> => {
    const { from, id, type } = passage.stanza;
    return from?.local === local && id !== undefined && type !== 'error' ? run(passage) : undefined;
  };
}

async function open(t: TestContext, ...setups: ((host: FeatureHost) => void)[]) {
  const features = [availability, ...setups.map((setup, i) => feature(`f${i}`, setup))];
  const stage = await Stage.open(t, { features });
  const { romeo, juliet } = await stage.online({ romeo: 'romeo', juliet: 'juliet' });
  const body = '<body>hi</body>';
  const send = (id: string, to: string = juliet.jid) => romeo.sends(`<message to="${to}" id="${id}">${body}</message>`);
  const seen = (id: string, inner = body) =>
    `<message from="${romeo.jid}" to="${juliet.jid}" id="${id}">${inner}</message>`;
  const error = (id: string, condition: string, type = 'cancel', from: string = juliet.jid) =>
    `<message type="error" from="${from}" to="${romeo.jid}" id="${id}">${errorXml(condition, type)}</message>`;
  return { stage, romeo, juliet, send, seen, error };
}

for (const [point, filter] of Object.entries(POINTS)) {
  for (const isAsync of point === 'sessionReceives' ? [false] : [false, true]) {
    const how = `${point}${isAsync ? ', async' : ''}`;
    const later = (verdict: Verdict): Awaitable<Verdict> =>
      isAsync ? new Promise((resolve) => setImmediate(() => resolve(verdict))) : verdict;

    test(`filters run in the order of the features, each on what the one before made of the stanza: ${how}`, async (t) => {
      const add = (name: string) => (host: FeatureHost) =>
        filter(host, ({ stanza }) =>
          later(stanza.copy({ payload: stanza.payload.with(el(name, { xmlns: 'urn:x' })) })),
        );
      const pass = (host: FeatureHost): void => filter(host, () => later(undefined));
      const { juliet, send, seen } = await open(t, add('a'), pass, add('b'));
      await send('1');
      await juliet.receives(seen('1', '<body>hi</body><a xmlns="urn:x"/><b xmlns="urn:x"/>'));
    });

    test(`a consumed stanza is gone, and later filters do not see it: ${how}`, async (t) => {
      const { romeo, juliet, send } = await open(
        t,
        (host) => filter(host, () => later(CONSUMED)),
        (host) => filter(host, () => assert.fail('seen')),
      );
      await send('1');
      await juliet.receivesNothing();
      await romeo.receivesNothing();
    });

    test(`a StanzaError, returned or thrown, is the answer: ${how}`, async (t) => {
      const refuse = async (run: Run): Promise<void> => {
        const { romeo, juliet, send, error } = await open(t, (host) => filter(host, run));
        await send('1');
        await romeo.receives(error('1', 'not-acceptable', 'modify'));
        await juliet.receivesNothing();
        await romeo.receivesNothing();
      };
      await refuse(() => later(new StanzaError('not-acceptable')));
      await refuse(() => {
        const failure = new StanzaError('not-acceptable');
        if (isAsync) return Promise.reject(failure);
        throw failure;
      });
    });

    test(`a filter that throws lets nothing pass, and the bug is logged: ${how}`, async (t) => {
      const { stage, romeo, juliet, send, error } = await open(t, (host) =>
        filter(host, () => {
          const failure = new TypeError('secret');
          if (isAsync) return Promise.reject(failure);
          throw failure;
        }),
      );
      await send('1');
      await romeo.receives(error('1', 'internal-server-error'));
      await juliet.receivesNothing();
      assert.deepEqual(
        stage.bugs().map(({ event, fields }) => [event, fields['where']]),
        [['bug', `${point}/f0`]],
      );
      // Both streams live.
      await juliet.sends(`<message to="${romeo.jid}"/>`);
      await romeo.receives(`<message from="${juliet.jid}" to="${romeo.jid}"/>`);
    });
  }
}

test('while a filter waits, what the sender and the recipient do next stays behind it', async (t) => {
  for (const filter of Object.values(ACCOUNT_POINTS)) {
    const waits = gate();
    const { romeo, juliet, send, seen } = await open(t, (host) =>
      filter(host, ({ stanza }) => (stanza.id === '1' ? waits.promise : undefined)),
    );
    for (const id of ['1', '2', '3']) await send(id);
    await juliet.receivesNothing();
    waits.open();
    for (const id of ['1', '2', '3']) await juliet.receives(seen(id));
    await romeo.receivesNothing();
  }
});

test('a session that ends while a filter waits for its stanza has sent it all the same', async (t) => {
  const waits = gate();
  const { stage, romeo, juliet, send, seen } = await open(t, (host) =>
    host.filter(
      accountSends,
      only('romeo', () => waits.promise),
    ),
  );
  await send('1');
  romeo.transport.break();
  waits.open();
  await juliet.receives(seen('1'));
  assert.equal(stage.host.account('romeo')?.sessions.size, 0);
});

test("annotations are for the account's own devices only", async (t) => {
  const id = el('stanza-id', { xmlns: 'urn:xmpp:sid:0', id: 'x' });
  const note = '<body>hi</body><stanza-id xmlns="urn:xmpp:sid:0" id="x"/>';
  const views: string[] = [];
  for (const [point, filter] of Object.entries(ACCOUNT_POINTS)) {
    const { juliet, send, seen } = await open(t, (host) =>
      filter(host, (passage) => {
        passage.annotate(id);
        views.push(passage.ownView().payload.text);
        assert.equal(passage.stanza.payload.text, '<body>hi</body>');
      }),
    );
    await send('1');
    await juliet.receives(seen('1', point === 'accountSends' ? undefined : note));
  }
  assert.deepEqual(views, [note, note, note]);
});

test('deliver adds a stanza for one session', async (t) => {
  for (const [point, filter] of Object.entries(ACCOUNT_POINTS)) {
    const { romeo, juliet, send, seen } = await open(t, (host) =>
      filter(host, (passage) => {
        for (const session of passage.account.sessions.values()) {
          passage.deliver(session, message({ type: 'normal', payload: new Payload([el('copy')]) }));
        }
      }),
    );
    await send('1');
    const observer = point === 'accountSends' ? romeo : juliet;
    await observer.receives('<message><copy/></message>');
    await juliet.receives(seen('1'));
  }
});

for (const [point, filter] of Object.entries(ACCOUNT_POINTS)) {
  test(`what waits is seen by nobody before it is stored, and keeps its place: ${point}`, async (t) => {
    const stored = gate();
    const { romeo, juliet, send, seen } = await open(t, (host) =>
      filter(host, (passage) => {
        if (passage.stanza.id === '1') passage.waitUntil(stored.promise);
      }),
    );
    for (const id of ['1', '2']) await send(id);
    await juliet.receivesNothing();
    stored.open();
    for (const id of ['1', '2']) await juliet.receives(seen(id));
    await romeo.receivesNothing();
  });

  test(`what could not be stored is answered once and seen by nobody: ${point}`, async (t) => {
    const own = [gate(), gate()];
    const { stage, romeo, juliet, send, seen, error } = await open(t, (host) =>
      filter(host, (passage) => {
        for (const { promise } of passage.stanza.id === '1' ? own : []) passage.waitUntil(promise);
        const [session] = passage.account.sessions.values();
        if (session && passage.stanza.id === '1') passage.deliver(session, message({ type: 'normal' }));
      }),
    );
    const chamber = (await stage.online({ chamber: 'juliet' })).chamber;
    for (const id of ['1', '2']) await send(id);
    for (const { fail } of own) fail(new Error('disk full'));
    await romeo.receives(error('1', 'internal-server-error', 'wait'));
    await juliet.receives(seen('2'));
    for (const client of [romeo, juliet, chamber]) await client.receivesNothing();
  });

  test(`the error that storing fails with may be told the sender: ${point}`, async (t) => {
    const { romeo, juliet, send, error } = await open(t, (host) =>
      filter(host, (passage) => passage.waitUntil(Promise.reject(new StanzaError('resource-constraint')))),
    );
    await send('1');
    await romeo.receives(error('1', 'resource-constraint', 'wait'));
    for (const client of [romeo, juliet]) await client.receivesNothing();
  });

  test(`who consumes a stanza to store it answers for it: ${point}`, async (t) => {
    const stored = gate();
    const { romeo, juliet, send, error } = await open(t, (host) =>
      filter(host, (passage) => {
        passage.waitUntil(passage.stanza.id === '1' ? stored.promise : Promise.resolve());
        return CONSUMED;
      }),
    );
    for (const id of ['1', '2']) await send(id);
    for (const client of [romeo, juliet]) await client.receivesNothing();
    stored.fail(new Error('disk full'));
    await romeo.receives(error('1', 'internal-server-error', 'wait'));
    for (const client of [romeo, juliet]) await client.receivesNothing();
  });

  test(`a stanza that a later filter refuses is answered once, whatever becomes of the store: ${point}`, async (t) => {
    const { romeo, juliet, send, error } = await open(
      t,
      (host) => filter(host, (passage) => passage.waitUntil(Promise.reject(new Error('disk full')))),
      (host) => filter(host, () => new StanzaError('forbidden')),
    );
    await send('1');
    await romeo.receives(error('1', 'forbidden', 'auth'));
    for (const client of [romeo, juliet]) await client.receivesNothing();
  });
}

test('what nobody takes is answered once, when what its sender stores of it fails too', async (t) => {
  const { romeo, send, error } = await open(t, (host) =>
    host.filter(
      accountSends,
      only('romeo', (passage) => passage.waitUntil(Promise.reject(new Error('disk full')))),
    ),
  );
  const cases = {
    'nobody@stage.example': 'service-unavailable',
    'juliet@stage.example/street': 'service-unavailable',
    'stage.example': 'service-unavailable',
    'far.example': 'remote-server-not-found',
  };
  for (const [to, condition] of Object.entries(cases)) {
    await send('1', to);
    await romeo.receives(error('1', condition, 'cancel', to));
    await romeo.receivesNothing();
  }
});

test('a request waits for what is stored of it, and is not handled when that fails', async (t) => {
  for (const to of ['stage.example', 'juliet@stage.example', 'romeo@stage.example']) {
    const stores = [gate(), gate()];
    const handled: string[] = [];
    const { romeo } = await open(t, (host) => {
      host.filter(
        accountSends,
        only('romeo', (passage) => {
          const store = stores[Number(passage.stanza.id)];
          if (store !== undefined) passage.waitUntil(store.promise);
        }),
      );
      for (const addressee of ['host', 'account'] as const) {
        host.handle({ type: 'set', ns: 'urn:x', name: 'q', to: addressee, audience: 'anyone' }, ({ iq }) => {
          handled.push(iq.id ?? '');
        });
      }
    });
    for (const id of ['0', '1']) await romeo.sends(`<iq type="set" to="${to}" id="${id}"><q xmlns="urn:x"/></iq>`);
    assert.deepEqual(handled, []);
    stores[0]?.open();
    await settle();
    stores[1]?.fail(new Error('disk full'));
    await romeo.receives(`<iq type="result" from="${to}" to="${romeo.jid}" id="0"/>`);
    await romeo.receives(
      `<iq type="error" from="${to}" to="${romeo.jid}" id="1">${errorXml('internal-server-error', 'wait')}</iq>`,
    );
    assert.deepEqual(handled, ['0']);
  }
});

test('a filter of sessionReceives must not wait', async (t) => {
  const { stage, romeo, send, error } = await open(t, (host) =>
    host.filter(
      sessionReceives,
      only('romeo', async () => undefined),
    ),
  );
  await send('1');
  await romeo.receives(error('1', 'internal-server-error'));
  assert.equal(stage.bugs().length, 1);
});
