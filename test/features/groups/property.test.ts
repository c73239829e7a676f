import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { attr, children, type Element } from '../../../src/xml/element.ts';
import { DOMAIN, PASSWORD, type Stage } from '../../support/stage.ts';
import type { StageClient } from '../../support/stage-client.ts';
import { lineOf, open } from './scene.ts';

const USERS = ['ann', 'ben', 'cyd', 'dot'] as const;
const NAMES = ['Family', 'School', 'Ünï <&>'] as const;
const STRANGER = 'eve@elsewhere.example';

/** What a client keeps of its roster: while it is connected, and as a cache with its version in between. */
class Device {
  readonly #user: string;
  #version = '';
  readonly #items = new Map<string, string>();
  client: StageClient | undefined;

  constructor(user: string) {
    this.#user = user;
  }

  async logIn(stage: Stage): Promise<void> {
    const client = stage.connect(this.#user);
    await client.logIn(this.#user, PASSWORD);
    await client.bind('desk');
    const query = await client.get(`<query xmlns='jabber:iq:roster' ver='${this.#version}'/>`);
    if (query !== undefined) {
      this.#items.clear();
      for (const item of children(query, 'item')) this.#keep(item);
      this.#version = attr(query, 'ver') ?? '';
    }
    await client.sends('<presence/>');
    this.client = client;
  }

  /** Ends the session; of what it was sent and has not looked at, the client has seen so much. */
  async logOut(seen: number): Promise<void> {
    this.#take(this.client?.transport.received.splice(0, seen) ?? []);
    await this.client?.sends('</stream:stream>');
    this.client = undefined;
  }

  /** The items, after everything that has been pushed. */
  async items(): Promise<string[]> {
    await this.client?.sends('');
    this.#take(this.client?.transport.received.splice(0) ?? []);
    return [...this.#items.values()].sort();
  }

  #take(stanzas: readonly Element[]): void {
    for (const stanza of stanzas) {
      for (const query of children(stanza, 'query', 'jabber:iq:roster')) {
        for (const item of children(query, 'item')) this.#keep(item);
        this.#version = attr(query, 'ver') ?? '';
      }
    }
  }

  #keep(item: Element): void {
    const jid = attr(item, 'jid') ?? '';
    if (attr(item, 'subscription') === 'remove') this.#items.delete(jid);
    else this.#items.set(jid, lineOf(item));
  }
}

/** What is to be seen of a contact of the user's own. */
interface Own {
  readonly name: string;
  readonly groups: readonly string[];
}

/** Groups, and what users keep for themselves, as plain data. */
class Model {
  readonly groups = new Map<string, Set<string>>();
  readonly own = new Map<string, Map<string, Own>>(USERS.map((user) => [user, new Map()]));

  shared(user: string, other: string): string[] {
    const names = [...this.groups].filter(([, members]) => members.has(user) && members.has(other));
    return names.map(([name]) => name).sort((a, b) => (a < b ? -1 : 1));
  }

  /** The user's own items ⊕ the groups. */
  rosterOf(user: string): string[] {
    const own = this.own.get(user) ?? new Map<string, Own>();
    const lines: string[] = [];
    for (const contact of [...USERS, STRANGER]) {
      const item = own.get(contact);
      const shared = contact === user ? [] : this.shared(user, contact);
      if (item === undefined && shared.length === 0) continue;
      const groups = [...shared, ...(item?.groups ?? []).filter((group) => !shared.includes(group))];
      const parts = [contact, shared.length > 0 ? 'both' : 'none', ...(groups.length > 0 ? [groups.join(',')] : [])];
      lines.push([...parts, ...(item === undefined ? [] : [`"${item.name}"`])].join(' '));
    }
    return lines.sort();
  }
}

const user = fc.constantFrom(...USERS);
const name = fc.constantFrom(...NAMES);
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('join' as const), name, user }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('leave' as const), name, user }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('rename' as const), name, to: name }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remove' as const), name }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('set' as const),
      user,
      contact: fc.constantFrom(...USERS, STRANGER),
      own: fc.option(
        fc.record({
          name: fc.constantFrom('Nick', 'O&apos;Nick'),
          groups: fc.uniqueArray(fc.constantFrom('Friends', 'Family', 'School'), { maxLength: 2 }),
        }),
        { nil: undefined },
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('in' as const), user }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('out' as const), user, seen: fc.nat(4) }) },
);
type Step = typeof step extends fc.Arbitrary<infer S> ? S : never;

test('whatever happens to groups, the roster of each client is the own items of its user and the groups', async (t) => {
  const { stage, all } = await open(t);
  for (const local of USERS) await stage.host.users.create(local, PASSWORD);

  async function play(model: Model, devices: ReadonlyMap<string, Device>, next: Step): Promise<void> {
    switch (next.kind) {
      case 'in':
        if (devices.get(next.user)?.client === undefined) await devices.get(next.user)?.logIn(stage);
        return;
      case 'out':
        return devices.get(next.user)?.logOut(next.seen);
      case 'set':
        return set(model, devices.get(next.user)?.client, next);
      default:
        return group(model, next);
    }
  }

  async function group({ groups }: Model, next: Extract<Step, { name: string }>): Promise<void> {
    const members = groups.get(next.name);
    if (next.kind === 'join') {
      if (members === undefined) await all.add(next.name, false);
      if (members?.has(next.user) === true) return;
      await all.join(next.name, next.user);
      groups.set(next.name, new Set([...(members ?? []), next.user]));
    } else if (members !== undefined && next.kind === 'leave' && members.delete(next.user)) {
      await all.leave(next.name, next.user);
    } else if (members !== undefined && next.kind === 'rename' && !groups.has(next.to)) {
      await all.rename(next.name, next.to);
      groups.delete(next.name);
      groups.set(next.to, members);
    } else if (members !== undefined && next.kind === 'remove') {
      await all.remove(next.name);
      groups.delete(next.name);
    }
  }

  async function set(
    model: Model,
    client: StageClient | undefined,
    { user: local, contact, own }: Extract<Step, { kind: 'set' }>,
  ): Promise<void> {
    const items = model.own.get(local);
    if (client === undefined || contact === local || items === undefined) return;
    const jid = contact.includes('@') ? contact : `${contact}@${DOMAIN}`;
    const shared = model.shared(local, contact);
    if (own === undefined) {
      const answer = await client.ask('set', query(`<item jid='${jid}' subscription='remove'/>`));
      const isRefused = shared.length > 0 || !items.has(contact);
      assert.equal(attr(answer, 'type'), isRefused ? 'error' : 'result');
      if (!isRefused) items.delete(contact);
      return;
    }
    const groups = own.groups.map((one) => `<group>${one}</group>`).join('');
    await client.set(query(`<item jid='${jid}' name='${own.name}'>${groups}</item>`));
    const kept = own.groups.filter((one) => !shared.includes(one));
    items.set(contact, { name: own.name.replace('&apos;', "'"), groups: kept });
  }

  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
      const model = new Model();
      const devices = new Map(USERS.map((local) => [local as string, new Device(local)]));
      for (const device of devices.values()) await device.logIn(stage);
      for (const next of steps) await play(model, devices, next);
      for (const [local, device] of devices) {
        if (device.client === undefined) await device.logIn(stage);
        assert.deepEqual(await device.items(), model.rosterOf(local));
      }
      await clear(model, devices);
    }),
    { numRuns: 40 },
  );

  async function clear(model: Model, devices: ReadonlyMap<string, Device>): Promise<void> {
    for (const one of model.groups.keys()) await all.remove(one);
    for (const [local, device] of devices) {
      for (const contact of model.own.get(local)?.keys() ?? []) {
        const jid = contact.includes('@') ? contact : `${contact}@${DOMAIN}`;
        await device.client?.set(query(`<item jid='${jid}' subscription='remove'/>`));
      }
      await device.logOut(0);
    }
  }
});

function query(item: string): string {
  return `<query xmlns='jabber:iq:roster'>${item}</query>`;
}
