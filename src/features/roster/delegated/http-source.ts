import type { FeatureHost } from '../../../core/feature.ts';
import { JID } from '../../../jid.ts';
import type { DelegationStatus } from '../api.ts';
import type { LiveRoster } from '../roster.ts';
import { Batches } from './batches.ts';
import type { DelegatedRosterConfig } from './config.ts';
import { type ContactList, type Flaw, parseContactList, rosterOf } from './contact-list.ts';
import { COPIES } from './copy-record.ts';
import { type Endpoint, parseEndpoint, parseEndpointTemplate } from './endpoint.ts';
import { FetchQueue } from './fetch-queue.ts';
import { FetchRuns } from './fetch-runs.ts';
import { type JsonAnswer, JsonClient, type Validators } from './http-request.ts';
import { type Copy, LastGood } from './last-good.ts';
import { type OutwardAuth, outwardAuth } from './outward-auth.ts';
import { type RosterSource, SourceError, type Urgency } from './source.ts';

const DAY_MS = 86_400_000;
const PRUNE_MS = 3_600_000;

/** What fetching over HTTP needs of the host. */
export type HttpSourceGround = Pick<
  FeatureHost,
  'domain' | 'clock' | 'log' | 'metrics' | 'settings' | 'table' | 'every'
>;

/** A fetch under way; not `isWanted` any more when its account was removed meanwhile. */
interface Flight {
  readonly local: string;
  isWanted: boolean;
}

/** A web application that owns the rosters of a host. It is asked over HTTP, for one user at a time or for many. */
export class HttpSource implements RosterSource {
  readonly isAtHand = false;
  readonly #host: HttpSourceGround;
  readonly #config: DelegatedRosterConfig;
  readonly #client: JsonClient;
  readonly #auth: OutwardAuth;
  readonly #endpointOf: (local: string) => Endpoint;
  readonly #queue: FetchQueue;
  readonly #runs: FetchRuns;
  readonly #copies: LastGood;
  readonly #batches: Batches | undefined;
  readonly #flights = new Set<Flight>();
  readonly #flawsTold = new Set<Flaw>();

  /** `config` has been checked: its URLs are some. */
  constructor(host: HttpSourceGround, config: DelegatedRosterConfig) {
    this.#host = host;
    this.#config = config;
    this.#client = new JsonClient(config);
    this.#auth = outwardAuth(config.auth);
    this.#endpointOf = known(parseEndpointTemplate(config.url));
    this.#queue = new FetchQueue(host.clock, config);
    this.#runs = new FetchRuns(host, config.timeoutMs);
    const { batchUrl } = config;
    if (batchUrl !== undefined) this.#batches = this.#batchesFrom(known(parseEndpoint(batchUrl)));
    this.#copies = new LastGood({
      domain: host.domain,
      clock: host.clock,
      log: host.log,
      keepMs: config.cacheDays * DAY_MS,
      maxRosters: config.cacheRosters,
      // What was understood of an answer depends on the option too.
      source: `${batchUrl ?? config.url} ${config.domainContacts}`,
      table: host.table(COPIES),
      isOnDisk: config.cacheOnDisk,
    });
    host.every('roster.prune', PRUNE_MS, () => this.#copies.prune());
  }

  /** The roster as the application has it now: the very object of the time before when nothing has changed. */
  async fetch(local: string, urgency: Urgency): Promise<LiveRoster> {
    if (this.#runs.isSuspended) throw new SourceError('suspended', 'fetching has failed too often lately');
    const flight = { local, isWanted: true };
    this.#flights.add(flight);
    try {
      const before = await this.#copies.get(local);
      const copy =
        this.#batches === undefined
          ? await this.#queue.run(urgency, 1, () => this.#fetchOne(local, before))
          : this.#read(local, await this.#batches.get(local, urgency), {}, before);
      if (flight.isWanted) this.#copies.set(local, copy);
      return copy.roster;
    } finally {
      this.#flights.delete(flight);
    }
  }

  async lastGood(local: string): Promise<LiveRoster | undefined> {
    return (await this.#copies.get(local))?.roster;
  }

  async forget(local: string): Promise<void> {
    for (const flight of this.#flights) if (flight.local === local) flight.isWanted = false;
    await this.#copies.delete(local);
  }

  status(): Omit<DelegationStatus, 'loaded'> {
    const { batchUrl, url } = this.#config;
    return {
      // Some applications want a key in the query.
      source: (batchUrl ?? url).replace(/\?.*$/, ''),
      state: this.#runs.state,
      fetching: this.#queue.running,
      waiting: this.#queue.waiting,
      copies: this.#copies.size,
    };
  }

  async close(): Promise<void> {
    this.#batches?.close();
    this.#queue.close();
    await this.#runs.close();
    this.#client.close();
  }

  #fetchOne(local: string, before: Copy | undefined): Promise<Copy> {
    const endpoint = this.#endpointOf(local);
    return this.#runs.run(
      async (signal) => {
        const answer = await this.#ask(endpoint, signal, { validators: before?.validators });
        if (answer.isModified) return this.#read(local, answer.json, answer.validators, before);
        if (before !== undefined) return before;
        throw new SourceError('http_other', 'the answer says that nothing has changed, to somebody who knows nothing');
      },
      (copy) => (copy === before ? 'not_modified' : 'ok'),
    );
  }

  #batchesFrom(endpoint: Endpoint): Batches {
    const askFor = (body: string) => (signal: AbortSignal) => this.#askForAll(endpoint, body, signal);
    return new Batches(this.#host.clock, (locals, urgency) =>
      this.#queue.run(urgency, locals.length, () => this.#runs.run(askFor(JSON.stringify(locals)), () => 'ok')),
    );
  }

  async #askForAll(endpoint: Endpoint, body: string, signal: AbortSignal): Promise<unknown> {
    const answer = await this.#ask(endpoint, signal, { body });
    if (answer.isModified && typeof answer.json === 'object' && answer.json !== null && !Array.isArray(answer.json)) {
      return answer.json;
    }
    throw new SourceError('bad_json', 'the answer is not an object of users');
  }

  #ask(
    endpoint: Endpoint,
    signal: AbortSignal,
    { body, validators }: { readonly body?: string; readonly validators?: Validators | undefined },
  ): Promise<JsonAnswer> {
    const headers = this.#auth(endpoint.target, body, this.#host.clock.now());
    return this.#client.send({ endpoint, headers, validators, ...(body === undefined ? {} : { body }) }, signal);
  }

  #read(local: string, json: unknown, validators: Validators, before: Copy | undefined): Copy {
    const { domain, settings } = this.#host;
    const owner = JID.of(local, domain);
    const list = parseContactList(json, {
      owner,
      domainContacts: this.#config.domainContacts,
      maxContacts: settings.current.limits.account.rosterItems,
    });
    this.#tell(list, owner);
    const roster = rosterOf(list.contacts);
    return { roster: roster.version === before?.roster.version ? before.roster : roster, validators };
  }

  // Once for each kind of flaw: an application that makes it once makes it for everybody.
  #tell({ flaws }: ContactList, owner: JID): void {
    for (const [reason, count] of flaws) {
      const level = this.#flawsTold.has(reason) ? 'debug' : 'warn';
      this.#flawsTold.add(reason);
      this.#host.log[level]('roster.contact-skipped', { jid: owner.toString(), reason, count });
    }
  }
}

function known<T>(parsed: T | undefined): T {
  if (parsed === undefined) throw new TypeError('the configuration was not checked');
  return parsed;
}
