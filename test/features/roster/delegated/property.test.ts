import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { attr, children, type Element, firstElement, text } from '../../../../src/xml/element.ts';
import { PASSWORD } from '../../../support/stage.ts';
import type { StageClient } from '../../../support/stage-client.ts';
import { type Contacts, open, type Scene, ScriptedSource } from './serving-scene.ts';

const USERS = ['john', 'marie', 'ann'] as const;
const RESOURCES = ['desk', 'phone'] as const;
const STRANGERS = ['bob@elsewhere.example', 'eve@elsewhere.example', 'bot'];

type User = (typeof USERS)[number];

/** What a client keeps of its roster: in memory while it is connected, and as a cache with its version in between. */
class ClientRoster {
  #version = '';
  #items = new Map<string, string>();
  #client: StageClient | undefined;

  get isOnline(): boolean {
    return this.#client !== undefined;
  }

  async logIn({ stage }: Scene, user: User, resource: string, sendsPresence: boolean): Promise<void> {
    const client = stage.connect(resource);
    await client.logIn(user, PASSWORD);
    await client.bind(resource);
    const query = await client.get(`<query xmlns='jabber:iq:roster' ver='${this.#version}'/>`);
    if (query !== undefined) this.#read(query);
    if (sendsPresence) await client.sends('<presence/>');
    this.#client = client;
  }

  /** Ends the session; of what it was sent and has not looked at, the client has seen so much. */
  async logOut(seen = Number.POSITIVE_INFINITY): Promise<void> {
    const client = this.#client;
    if (client === undefined) return;
    this.#take(client.transport.received.splice(0, seen));
    await client.sends('</stream:stream>');
    this.#client = undefined;
  }

  /** The items, as text, after everything that has been pushed. */
  items(): readonly string[] {
    this.#take(this.#client?.transport.received.splice(0) ?? []);
    return [...this.#items.values()].sort();
  }

  get version(): string {
    return this.#version;
  }

  #read(query: Element): void {
    this.#items.clear();
    for (const item of children(query, 'item')) this.#items.set(attr(item, 'jid') ?? '', written(item));
    this.#version = attr(query, 'ver') ?? '';
  }

  // RFC 6121 §2.1.6, §2.6.3.
  #take(stanzas: readonly Element[]): void {
    for (const stanza of stanzas) {
      const query = stanza.name === 'iq' && attr(stanza, 'type') === 'set' ? firstElement(stanza) : undefined;
      if (query === undefined) continue;
      const [item, second] = children(query, 'item');
      assert.ok(item && second === undefined, 'one item in each push');
      const jid = attr(item, 'jid') ?? '';
      if (attr(item, 'subscription') === 'remove') assert.ok(this.#items.delete(jid), `${jid} was not there`);
      else this.#items.set(jid, written(item));
      this.#version = attr(query, 'ver') ?? '';
    }
  }
}

function written(item: Element): string {
  const groups = children(item, 'group').map((group) => text(group));
  return [attr(item, 'jid'), attr(item, 'subscription'), attr(item, 'name'), ...groups].join('|');
}

type Step =
  | { readonly kind: 'edit'; readonly user: User; readonly contacts: Contacts }
  /** Clients do not look at what they are sent before they have to: who logs out first never does. */
  | { readonly kind: 'refresh'; readonly users: readonly User[]; readonly isLookedAt: boolean }
  | { readonly kind: 'in'; readonly user: User; readonly resource: number; readonly sendsPresence: boolean }
  | { readonly kind: 'out'; readonly user: User; readonly resource: number; readonly seen: number | undefined };

const user = fc.constantFrom(...USERS);
const resource = fc.nat(RESOURCES.length - 1);
const label = fc.constantFrom('Friends', 'Chess club', 'Ünï <&>', '!');
const contacts: fc.Arbitrary<Contacts> = fc.dictionary(
  fc.constantFrom(...USERS, ...STRANGERS),
  fc.record({ name: label, groups: fc.uniqueArray(label, { maxLength: 3 }) }, { requiredKeys: [] }),
  { maxKeys: 5 },
);
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('edit' as const), user, contacts }) },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('refresh' as const),
      users: fc.uniqueArray(user, { minLength: 1 }),
      isLookedAt: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('in' as const), user, resource, sendsPresence: fc.boolean() }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('out' as const), user, resource, seen: fc.constant(undefined) }),
  },
);
/** The connection breaks amid the pushes of a refresh, and the client comes back with what it has. */
const cut: fc.Arbitrary<readonly Step[]> = fc
  .record({ user, resource, contacts, seen: fc.nat(3), isNoticed: fc.boolean() })
  .map(({ isNoticed, ...common }) => [
    { kind: 'edit', ...common },
    { kind: 'refresh', users: [common.user], isLookedAt: false },
    { kind: 'out', ...common },
    { kind: 'in', ...common, sendsPresence: isNoticed },
    { kind: 'refresh', users: [common.user], isLookedAt: true },
  ]);
const stepsOf = fc
  .array(fc.oneof({ weight: 5, arbitrary: anyStep.map((one) => [one]) }, { weight: 1, arbitrary: cut }), {
    minLength: 5,
    maxLength: 25,
  })
  .map((parts): readonly Step[] => parts.flat());

test('after each refresh the rosters that clients keep are those of the owner', async (t) => {
  const source = new ScriptedSource();
  const scene = await open(t, { source });
  for (const local of USERS) await scene.stage.host.users.create(local, PASSWORD);

  function assertSame(local: User, devices: readonly ClientRoster[]): void {
    const { version, items } = source.rosterOf(local);
    const expected = Array.from(items.values(), ({ jid, name, groups }) =>
      [jid.toString(), 'both', name, ...groups].join('|'),
    ).sort();
    for (const device of devices) {
      if (!device.isOnline) continue;
      assert.deepEqual(device.items(), expected);
      assert.equal(device.version, version);
    }
  }

  async function play(devices: ReadonlyMap<User, readonly ClientRoster[]>, next: Step): Promise<void> {
    if (next.kind === 'refresh') {
      await scene.refresh(...next.users);
      if (next.isLookedAt) for (const local of next.users) assertSame(local, devices.get(local) ?? []);
      return;
    }
    if (next.kind === 'edit') {
      const { [next.user]: _self, ...others } = next.contacts;
      source.contacts.set(next.user, others);
      return;
    }
    const device = devices.get(next.user)?.[next.resource];
    if (next.kind === 'out') await device?.logOut(next.seen);
    else if (device?.isOnline === false) {
      await device.logIn(scene, next.user, RESOURCES[next.resource] ?? '', next.sendsPresence);
    }
  }

  await fc.assert(
    fc.asyncProperty(stepsOf, async (steps) => {
      const devices = new Map(USERS.map((local) => [local, RESOURCES.map(() => new ClientRoster())] as const));
      source.contacts.clear();
      for (const next of steps) await play(devices, next);
      await scene.refresh(...USERS);
      for (const [local, own] of devices) assertSame(local, own);
      for (const device of [...devices.values()].flat()) await device.logOut();
    }),
    { numRuns: 60 },
  );
  assert.equal(scene.stage.host.account('john')?.sessions.size ?? 0, 0);
});
