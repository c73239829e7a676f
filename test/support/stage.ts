import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { C2sCounts } from '../../src/c2s/counts.ts';
import { C2sListener } from '../../src/c2s/listener.ts';
import { xmlLimits } from '../../src/c2s/service.ts';
import { type Config, featuresOf } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { Section } from '../../src/config/schema.ts';
import type { Command } from '../../src/core/commands.ts';
import type { Feature } from '../../src/core/feature.ts';
import { FeatureSet } from '../../src/core/feature-set.ts';
import { GRANTS } from '../../src/core/grant-record.ts';
import { Grants } from '../../src/core/grants.ts';
import { Host } from '../../src/core/host.ts';
import { Router } from '../../src/core/router.ts';
import { Sealing } from '../../src/core/sealing.ts';
import { REMOVALS, USERS, type UserRecord } from '../../src/core/user-record.ts';
import { Users } from '../../src/core/users.ts';
import { httpsUrlOf } from '../../src/http/public-url.ts';
import { Routes } from '../../src/http/routes.ts';
import { type LogRecord, memoryLogger } from '../../src/log/log.ts';
import { Metrics } from '../../src/metrics/metrics.ts';
import { Admission } from '../../src/net/admission.ts';
import { createMechanisms, selectMechanisms } from '../../src/sasl/mechanisms.ts';
import { Passwords } from '../../src/sasl/passwords.ts';
import { type FailureRates, LoginThrottle } from '../../src/sasl/throttle.ts';
import { type MemoryStore, openMemoryStore } from '../../src/store/memory.ts';
import type { Journal, JournalSpec, Table, TableSpec } from '../../src/store/store.ts';
import type { TlsAcceptor } from '../../src/tls/acceptor.ts';
import { LoopbackTransport } from './loopback.ts';
import { ManualClock } from './manual-clock.ts';
import { StageClient } from './stage-client.ts';

export const DOMAIN = 'stage.example';
export const PASSWORD = 'correct horse';

export interface StageOptions {
  readonly features: readonly Feature[];
  /** A configuration as in the file; `hosts` is added. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** The store of an earlier stage, to play a restart. */
  readonly store?: MemoryStore;
  readonly clock?: ManualClock;
  /** How many failed logins are allowed; unless given, any number. */
  readonly rates?: FailureRates;
  /** Nobody will get in: the stage is set for commands on the store only. */
  readonly isOffline?: boolean;
  /** Secures connections of `listen` that ask for STARTTLS. */
  readonly startTls?: TlsAcceptor;
}

/** The real core over a store in memory, a clock that stands still and transports without a network. */
export class Stage {
  readonly clock: ManualClock;
  readonly log = memoryLogger();
  readonly store: MemoryStore;
  readonly router: Router;
  readonly host: Host;
  readonly settings: { current: Config };
  readonly commands: Command[] = [];
  readonly routes = new Routes();
  readonly metrics: Metrics;
  readonly #c2s: C2sListener;
  readonly #sections: Readonly<Record<string, Section | undefined>>;
  #read = 0;
  #features: FeatureSet | undefined;

  private constructor(options: StageOptions) {
    this.clock = options.clock ?? new ManualClock();
    this.metrics = new Metrics({ clock: this.clock });
    this.store = options.store ?? openMemoryStore({ clock: this.clock });
    this.#sections = Object.fromEntries(options.features.map((feature) => [feature.name, feature.config]));
    this.settings = { current: this.#load(options.config) };
    this.router = new Router((error) => this.log.error('bug', { where: 'router' }, error));
    const passwords = new Passwords({ clock: this.clock });
    const rates = options.rates ?? { address: null, account: null, accountFromAddress: null };
    const throttle = new LoginThrottle({ clock: this.clock, rates });
    this.host = new Host({
      domain: DOMAIN,
      router: this.router,
      clock: this.clock,
      log: this.log,
      settings: this.settings,
      removals: this.#table(REMOVALS),
      throttle,
      grants: new Grants({
        domain: DOMAIN,
        store: this.store,
        table: this.#table(GRANTS),
        clock: this.clock,
        sealing: new Sealing(Buffer.alloc(32, 1)),
      }),
      users: new Users({ domain: DOMAIN, table: this.#table(USERS), clock: this.clock, passwords, iterations: 4096 }),
    });
    this.router.mount(DOMAIN, this.host);
    const mechanisms = createMechanisms({ fakeSaltKey: Buffer.alloc(32), iterations: 4096 });
    this.#c2s = new C2sListener(
      {
        hosts: new Map([[DOMAIN, this.host]]),
        settings: this.settings,
        clock: this.clock,
        log: this.log,
        throttle,
        counts: new C2sCounts(this.clock),
        mechanisms: () => selectMechanisms(mechanisms, this.settings.current.auth.mechanisms),
        startTls: options.startTls ?? {
          accept: (raw, done) => done(new Error(`no TLS on the stage: ${raw}`)),
          close: () => {},
        },
      },
      new Admission(this.settings.current.limits.connections, this.clock),
    );
  }

  /** Sets the stage; it is struck when the test ends, and a bug that the log has by then fails the test. */
  static async open(t: TestContext, options: StageOptions): Promise<Stage> {
    const stage = new Stage(options);
    stage.#features = await FeatureSet.open(stage.host, options.features, featuresOf(stage.settings.current, DOMAIN), {
      store: stage.store,
      routes: stage.routes,
      metrics: stage.metrics,
      httpsUrl: (domain) => {
        const { http, listen } = stage.settings.current;
        return httpsUrlOf(domain, { publicUrl: http.publicUrl, httpsPort: listen.https[0]?.port });
      },
      table: (spec) => stage.#table(spec),
      journal: (spec) => stage.#journal(spec),
      commands: stage.commands,
      services: new Map(),
    });
    if (options.isOffline !== true) await stage.#features.begin();
    t.after(async () => {
      await stage.close();
      assert.deepEqual(stage.bugs(), [], 'bugs in the log');
    });
    return stage;
  }

  /** The table of all users, to fill it without hashing passwords. */
  get usersTable(): Table<UserRecord> {
    return this.#table(USERS);
  }

  /** A table of a feature, to look at what is stored. */
  table<V>(spec: TableSpec<V>): Table<V> {
    return this.#table(spec);
  }

  /** Uses another configuration, given as in the file, as a reload does. */
  reload(config: Readonly<Record<string, unknown>>): void {
    this.settings.current = this.#load(config);
    this.#features?.configure(featuresOf(this.settings.current, DOMAIN));
  }

  /** Listens on a real socket of this machine and returns its port. */
  async listen(directTls?: TlsAcceptor): Promise<number> {
    return (await this.#c2s.listen({ address: '127.0.0.1', port: 0 }, directTls)).port;
  }

  /** How many connections clients have, logged in or not. */
  get connections(): number {
    return this.#c2s.connections.size;
  }

  /** Closes all streams as when the server stops. */
  shutDown(): Promise<void> {
    return this.#c2s.shutDown();
  }

  /** The bugs that the log has and that were not asked for before: those that a test expects fail it no more. */
  bugs(): LogRecord[] {
    const news = this.log.records.slice(this.#read);
    this.#read = this.log.records.length;
    return news.filter((record) => record.event.endsWith('bug'));
  }

  /** Connects a client that has not said anything yet. */
  connect(name: string, options: { secure?: boolean; address?: string } = {}): StageClient {
    const transport = new LoopbackTransport({
      clock: this.clock,
      limits: xmlLimits(this.settings.current.limits, false),
      secure: options.secure ?? true,
      remoteAddress: options.address ?? '192.0.2.1',
    });
    const authenticated = this.#c2s.admit(transport.remoteAddress);
    assert.ok(authenticated, 'the connection was refused');
    this.#c2s.start(transport, authenticated);
    return new StageClient(name, transport, DOMAIN);
  }

  /** Makes the users of these clients where they are missing, logs in and binds the client's name as its resource. */
  async connected<N extends string>(cast: Readonly<Record<N, string>>): Promise<Record<N, StageClient>> {
    const clients: Partial<Record<N, StageClient>> = {};
    for (const name of Object.keys(cast) as N[]) {
      const user = cast[name];
      if (!(await this.host.users.exists(user))) await this.host.users.create(user, PASSWORD);
      const client = this.connect(name);
      await client.logIn(user, PASSWORD);
      await client.bind(name);
      clients[name] = client;
    }
    return clients as Record<N, StageClient>;
  }

  /** The same, and every client sends initial presence; what follows from that is not kept. */
  async online<N extends string>(cast: Readonly<Record<N, string>>): Promise<Record<N, StageClient>> {
    const clients = await this.connected(cast);
    for (const name in clients) await clients[name].sends('<presence/>');
    for (const name in clients) await clients[name].forget();
    return clients;
  }

  /** Stops features and streams; the store stays, for another stage. */
  async close(): Promise<void> {
    for (const connection of [...this.#c2s.connections]) connection.stream.transport.destroy();
    await this.#c2s.shutDown();
    await this.#features?.close();
    this.#features = undefined;
  }

  #load(config: Readonly<Record<string, unknown>> = {}): Config {
    const file = JSON.stringify({
      hosts: { [DOMAIN]: {} },
      limits: {
        traffic: { stanzas: null, bytes: null },
        connections: { unauthenticatedPerAddress: null, attemptsPerAddress: null },
      },
      ...config,
      auth: { iterations: 4096, ...(config['auth'] as object | undefined) },
    });
    return loadConfig('/stage/config.json', { sections: this.#sections, readFile: () => file }).config;
  }

  // Tables live in the store, which may be older than this stage.
  #table<V>(spec: TableSpec<V>): Table<V> {
    return once(this.store, `table ${spec.name}`, () => this.store.table(spec));
  }

  #journal<V>(spec: JournalSpec<V>): Journal<V> {
    return once(this.store, `journal ${spec.name}`, () => this.store.journal(spec));
  }
}

const opened = new WeakMap<MemoryStore, Map<string, unknown>>();

function once<T>(store: MemoryStore, name: string, open: () => T): T {
  const all = opened.get(store) ?? new Map<string, unknown>();
  opened.set(store, all);
  if (!all.has(name)) all.set(name, open());
  return all.get(name) as T;
}
