import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import type { Feature } from '../../../../src/core/feature.ts';
import { blocking } from '../../../../src/features/blocking/index.ts';
import { offline } from '../../../../src/features/offline/index.ts';
import { presence } from '../../../../src/features/presence/index.ts';
import type { FetchFailure, RefreshOutcome } from '../../../../src/features/roster/api.ts';
import { rosterOf } from '../../../../src/features/roster/delegated/contact-list.ts';
import type { DelegatedRosters, OnFailure } from '../../../../src/features/roster/delegated/delegated-rosters.ts';
import { serveRosters } from '../../../../src/features/roster/delegated/serving.ts';
import { type RosterSource, SourceError, type Urgency } from '../../../../src/features/roster/delegated/source.ts';
import type { LiveRoster } from '../../../../src/features/roster/roster.ts';
import { JID } from '../../../../src/jid.ts';
import type { Awaitable } from '../../../../src/util/awaitable.ts';
import { attr, child, children, type Element, text } from '../../../../src/xml/element.ts';
import { type Gate, gate } from '../../../core/scene.ts';
import { DOMAIN, Stage, type StageOptions } from '../../../support/stage.ts';
import type { StageClient } from '../../../support/stage-client.ts';

/** A contact list as a test writes it: by localpart on the stage, or by bare JID. */
export type Contacts = Readonly<Record<string, { readonly name?: string; readonly groups?: readonly string[] }>>;

/** An owner of rosters that does what the test says. */
export class ScriptedSource implements RosterSource {
  /** By localpart; whoever has none has an empty one. */
  readonly contacts = new Map<string, Contacts>();
  readonly fetches: { readonly local: string; readonly urgency: Urgency }[] = [];
  readonly forgotten: string[] = [];
  readonly copies = new Map<string, Awaitable<LiveRoster>>();
  readonly isAtHand = false;
  failure: FetchFailure | undefined;
  /** What fetches wait for, if anything, after they have seen what there is. */
  held: Gate | undefined;
  isClosed = false;

  async fetch(local: string, urgency: Urgency): Promise<LiveRoster> {
    this.fetches.push({ local, urgency });
    const { failure } = this;
    const roster = this.rosterOf(local);
    await this.held?.promise;
    if (failure !== undefined) throw new SourceError(failure, 'as the script says');
    this.copies.set(local, roster);
    return roster;
  }

  /** What a fetch would bring now. */
  rosterOf(local: string): LiveRoster {
    const contacts = Object.entries(this.contacts.get(local) ?? {});
    return rosterOf(
      contacts.map(([address, { name, groups = [] }]) => ({
        jid: JID.parse(address.includes('.') ? address : `${address}@${DOMAIN}`),
        name,
        groups,
      })),
    );
  }

  /** Makes all of them friends of each other, and of nobody else. */
  befriend(...locals: readonly string[]): void {
    for (const local of locals) {
      const others = locals.filter((other) => other !== local);
      this.contacts.set(local, Object.fromEntries(others.map((other) => [other, {}])));
    }
  }

  lastGood(local: string): Awaitable<LiveRoster | undefined> {
    return this.copies.get(local);
  }

  forget(local: string): void {
    this.forgotten.push(local);
    this.copies.delete(local);
  }

  status() {
    return { source: 'script', state: 'working', fetching: 0, waiting: 0, copies: this.copies.size } as const;
  }

  close(): void {
    this.isClosed = true;
  }
}

/** A feature that serves this source's rosters, and hands out what serves them. */
export function delegated(
  source: RosterSource,
  onFailure: OnFailure = 'close',
  ready?: (rosters: DelegatedRosters) => void,
): Feature {
  return {
    name: 'delegatedRoster',
    specs: [],
    setup(host) {
      ready?.(serveRosters(host, source, onFailure));
    },
  };
}

export interface Scene {
  readonly stage: Stage;
  readonly source: ScriptedSource;
  readonly rosters: DelegatedRosters;
  refresh(...locals: readonly string[]): Promise<RefreshOutcome>;
}

export interface SceneOptions extends Partial<Omit<StageOptions, 'features'>> {
  readonly onFailure?: OnFailure;
  readonly source?: ScriptedSource;
  /** Below rosters, blocking and presence. */
  readonly features?: readonly Feature[];
}

/** A stage whose rosters somebody else owns, with presence, blocking and offline storage. */
export async function open(t: TestContext, options: SceneOptions = {}): Promise<Scene> {
  const { onFailure, source = new ScriptedSource(), features = [], ...rest } = options;
  let served: DelegatedRosters | undefined;
  const feature = delegated(source, onFailure, (rosters) => {
    served = rosters;
  });
  const stage = await Stage.open(t, { features: [feature, blocking, presence, ...features, offline], ...rest });
  const rosters = served;
  assert.ok(rosters);
  return { stage, source, rosters, refresh: (...locals) => rosters.refresh(new Set(locals)) };
}

/** Has fetches wait until the gate is opened. */
export function hold(source: ScriptedSource): () => void {
  const held = gate();
  source.held = held;
  return () => {
    source.held = undefined;
    held.open();
  };
}

export const QUERY = `<query xmlns='jabber:iq:roster'/>`;

/** An item as a client sees it: address, name and groups. */
export type Seen = readonly [jid: string, name: string | undefined, groups: readonly string[]];

/** Asks for the roster and returns the items. */
export async function items(client: StageClient): Promise<Seen[]> {
  const query = await client.get(QUERY);
  assert.ok(query, 'the roster was not sent');
  return children(query, 'item').map(seen);
}

export function seen(item: Element): Seen {
  assert.equal(attr(item, 'subscription'), 'both');
  assert.equal(attr(item, 'ask'), undefined);
  const groups = children(item, 'group').map((group) => text(group));
  return [attr(item, 'jid') ?? '', attr(item, 'name'), groups];
}

/** A push as a client receives it. */
export function push(client: StageClient, item: string, version = '*'): string {
  return `<iq type='set' id='*' to='${client.jid}'><query xmlns='jabber:iq:roster' ver='${version}'>${item}</query></iq>`;
}

/** What a push says about a contact of the stage. */
export function pushed(client: StageClient, local: string, subscription = 'both'): string {
  return push(client, `<item jid='${address(local)}' subscription='${subscription}'/>`);
}

export function address(local: string, resource?: string): string {
  return `${local}@${DOMAIN}${resource === undefined ? '' : `/${resource}`}`;
}

/** A presence as it arrives, whomever it names. */
export function from(sender: string, type?: string): string {
  return `<presence from='${sender}' to='*'${type === undefined ? '' : ` type='${type}'`}/>`;
}

/** The version of a roster that a client is sent. */
export async function versionOf(client: StageClient): Promise<string> {
  const query = await client.get(QUERY);
  return (query && attr(query, 'ver')) ?? '';
}

/** The condition of an error that answers a request. */
export function conditionOf(answer: Element): string {
  const error = child(answer, 'error');
  const [condition] = (error?.children ?? []).filter((node) => typeof node !== 'string');
  return `${error && attr(error, 'type')} ${typeof condition === 'object' ? condition.name : ''}`;
}
