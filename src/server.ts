import { createServer, type Server as NetServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { C2sCounts } from './c2s/counts.ts';
import { C2sListener } from './c2s/listener.ts';
import { type C2sService, xmlLimits } from './c2s/service.ts';
import { type Config, defineConfig, featuresOf } from './config/config.ts';
import { type ConfigChanges, diffConfig } from './config/diff.ts';
import type { Command } from './core/commands.ts';
import { FeatureSet } from './core/feature-set.ts';
import { GRANTS } from './core/grant-record.ts';
import { Grants } from './core/grants.ts';
import { Host } from './core/host.ts';
import { exportHost } from './core/host-metrics.ts';
import { type FirstAdministrator, firstAdministrator, INSTALLATION } from './core/installation.ts';
import { Router } from './core/router.ts';
import { Sealing } from './core/sealing.ts';
import { installationSecret, SECRETS } from './core/secrets.ts';
import { SharedGround } from './core/shared-ground.ts';
import { REMOVALS, USERS } from './core/user-record.ts';
import { type CredentialsChange, Users } from './core/users.ts';
import { StreamError } from './errors.ts';
import { featureSections, features } from './features/registry.ts';
import { serveHostMeta } from './http/host-meta.ts';
import { textResponse } from './http/message.ts';
import { httpsUrlOf } from './http/public-url.ts';
import { Routes } from './http/routes.ts';
import { HttpServer } from './http/server.ts';
import type { JID } from './jid.ts';
import type { RootLogger } from './log/log.ts';
import { DEFAULT_INTERVAL_MS } from './metrics/memory.ts';
import { Metrics } from './metrics/metrics.ts';
import { exportProcess } from './metrics/process-metrics.ts';
import { AddressRanges } from './net/address-ranges.ts';
import { Admission } from './net/admission.ts';
import { type Endpoint, listen } from './net/listen.ts';
import type { SaslMechanism } from './sasl/mechanism.ts';
import { createMechanisms, selectMechanisms } from './sasl/mechanisms.ts';
import { Passwords } from './sasl/passwords.ts';
import { failureRates, LoginThrottle } from './sasl/throttle.ts';
import { openLevelStore } from './store/level.ts';
import type { Store, Table } from './store/store.ts';
import { refuseUpgrade, WebSocketAcceptor } from './stream/websocket.ts';
import { certificateOptions } from './tls/certificate-options.ts';
import { Certificates } from './tls/certificates.ts';
import { type Clock, systemClock } from './util/clock.ts';
import { deadline } from './util/deadline.ts';

/** Where clients find the WebSocket. RFC 7395, XEP-0156. */
const WEBSOCKET_PATH = '/xmpp-websocket';

/** Where the server can be reached. */
export interface BoundListener extends Endpoint {
  readonly service: 'c2s' | 'c2sTls' | 'http' | 'https';
}

export interface ServerOptions {
  readonly config: Config;
  readonly log: RootLogger;
  readonly clock?: Clock;
  /** For tests; otherwise the LevelDB store in the data directory. */
  readonly store?: Store;
  /** For commands that need no more: no certificates, no listeners, no administrator is made. */
  readonly storeOnly?: boolean;
}

/** The running server: makes every part and lets them meet. */
export class Server {
  readonly clock: Clock;
  readonly log: RootLogger;
  readonly settings: { current: Config };
  readonly store: Store;
  readonly router: Router;
  readonly hosts = new Map<string, Host>();
  /** What operators can do: what the features define, to which whoever runs the server adds the server's own. */
  readonly commands: Command[] = [];
  readonly routes = new Routes();
  readonly metrics: Metrics;
  readonly listeners: BoundListener[] = [];
  readonly startedAt: number;
  /** The account that this start made, when it was the first of this installation. */
  firstAdministrator: FirstAdministrator | undefined;
  // What needs a restart to change is compared with this, however often the configuration was read since.
  readonly #startedWith: Config;
  readonly #throttle: LoginThrottle;
  readonly #admission: Admission;
  /** By the domain of the host. */
  readonly #features = new Map<string, FeatureSet>();
  #proxies: AddressRanges;
  // What to undo at the end, the last first.
  readonly #undo: (() => Promise<void> | void)[] = [];
  #certificates: Certificates | undefined;
  #c2s: C2sListener | undefined;
  #mechanisms: readonly SaslMechanism[] = [];
  #fakeSaltKey: Buffer = Buffer.alloc(0);
  #stopping: Promise<void> | undefined;

  private constructor(store: Store, options: ServerOptions) {
    const { config, log, clock = systemClock } = options;
    this.clock = clock;
    this.log = log;
    this.settings = { current: config };
    this.#startedWith = config;
    this.store = store;
    this.startedAt = clock.now();
    this.router = new Router((error) => log.error('bug', { where: 'router' }, error));
    this.#throttle = new LoginThrottle({ clock, rates: failureRates(config) });
    this.#admission = new Admission(config.limits.connections, clock);
    const { naming, prefix } = config.metrics;
    const failed = (error: unknown): void => log.error('metrics.failed', {}, error);
    this.metrics = new Metrics({ clock, naming, prefix, failed });
    this.metrics.configure(readingTimes(config));
    this.#undo.push(exportProcess(this.metrics, clock, this.startedAt));
    this.#undo.push(store.export(this.metrics));
    this.#proxies = new AddressRanges(config.http.trustedProxies);
    this.#undo.push(() => store.close());
  }

  /**
   * Starts everything; the listeners come last. Throws what stopped the start, a StoreError, CertificateError or
   * ListenError with a line for the operator; whatever was started before it is stopped.
   */
  static async start(options: ServerOptions): Promise<Server> {
    const { dataDir, storage } = options.config;
    const store = options.store ?? (await openLevelStore(join(dataDir, 'store'), { sync: storage.sync }));
    const server = new Server(store, options);
    try {
      await server.#open(options.storeOnly === true);
    } catch (error) {
      await server.#undoAll();
      throw error;
    }
    return server;
  }

  get certificates(): Certificates {
    if (this.#certificates === undefined) throw new Error('the server has not started');
    return this.#certificates;
  }

  /** The client connections, logged in or not. */
  get c2s(): C2sListener {
    if (this.#c2s === undefined) throw new Error('the server has not started');
    return this.#c2s;
  }

  /**
   * Uses another configuration, without dropping a session: what can change while the server runs changes now. Returns what
   * has changed and what waits for a restart. Throws a CertificateError, and changes nothing, when a certificate is bad.
   */
  async reload(config: Config): Promise<ConfigChanges> {
    const definition = defineConfig(featureSections);
    const { live } = diffConfig(definition, this.settings.current, config);
    const { restart } = diffConfig(definition, this.#startedWith, config);
    await this.certificates.reload(certificateOptions(config, this.clock));
    this.settings.current = config;
    this.log.level = config.log.level;
    this.#throttle.configure(failureRates(config));
    this.#admission.change(config.limits.connections);
    this.metrics.configure(readingTimes(config));
    this.#proxies = new AddressRanges(config.http.trustedProxies);
    for (const host of this.hosts.values()) host.users.configure(config.auth);
    for (const [domain, set] of this.#features) {
      // A host that is to go stays as it is until the restart.
      if (Object.hasOwn(config.hosts, domain)) set.configure(featuresOf(config, domain));
    }
    this.#selectMechanisms(config);
    return { live, restart };
  }

  /** Stops: no more connections, `system-shutdown` to every stream, everything written. Bounded in time; idempotent. */
  stop(): Promise<void> {
    this.#stopping ??= this.#undoAll();
    return this.#stopping;
  }

  async #open(storeOnly: boolean): Promise<void> {
    const ground = new SharedGround({
      store: this.store,
      routes: this.routes,
      metrics: this.metrics,
      commands: this.commands,
      httpsUrl: (domain) => this.httpsUrl(domain),
    });
    // Features keep secrets there, too.
    const secrets = ground.table(SECRETS);
    await this.#openHosts(ground, new Sealing(await installationSecret(secrets, 'grants')));
    if (!storeOnly) await this.#openToClients(secrets);
  }

  async #openToClients(secrets: Table<string>): Promise<void> {
    const { clock } = this;
    const config = this.settings.current;
    this.#certificates = await Certificates.open(certificateOptions(config, clock));
    this.#fakeSaltKey = await installationSecret(secrets, 'scram-salts');
    this.#selectMechanisms(config);
    this.#openC2s({
      hosts: this.hosts,
      settings: this.settings,
      clock,
      log: this.log,
      throttle: this.#throttle,
      mechanisms: () => this.#mechanisms,
      startTls: this.#acceptor(),
      counts: new C2sCounts(clock),
    });
    for (const set of this.#features.values()) await set.begin();
    await this.#listen();
    // Last, so that no start that fails makes an account whose password nobody has seen.
    const [firstHost] = this.hosts.values();
    if (firstHost !== undefined) {
      const installation = this.store.table(INSTALLATION);
      this.firstAdministrator = await firstAdministrator(installation, firstHost, config.admins.length > 0);
    }
  }

  #selectMechanisms({ auth }: Config): void {
    const all = createMechanisms({ fakeSaltKey: this.#fakeSaltKey, iterations: auth.iterations });
    this.#mechanisms = selectMechanisms(all, auth.mechanisms);
  }

  async #openHosts(ground: SharedGround, sealing: Sealing): Promise<void> {
    const config = this.settings.current;
    const { hosts, auth } = config;
    const passwords = new Passwords({ clock: this.clock });
    const users = this.store.table(USERS);
    const removals = this.store.table(REMOVALS);
    const grants = this.store.table(GRANTS);
    for (const domain of Object.keys(hosts)) {
      const host = new Host({
        domain,
        router: this.router,
        clock: this.clock,
        log: this.log.child({ host: domain }),
        settings: this.settings,
        removals,
        throttle: this.#throttle,
        grants: new Grants({ domain, store: this.store, table: grants, clock: this.clock, sealing }),
        users: new Users({ domain, table: users, clock: this.clock, passwords, iterations: auth.iterations }),
      });
      host.users.onCredentialsChanged((jid, change) => this.#lockOut(host, jid, change));
      this.hosts.set(domain, host);
      this.#undo.push(this.router.mount(domain, host));
      const set = await FeatureSet.open(host, features, featuresOf(config, domain), ground);
      this.#undo.push(() => set.close());
      this.#undo.push(exportHost(host, this.metrics));
      this.#features.set(domain, set);
      await host.finishRemovals();
    }
  }

  // The sessions of an old password end by themselves. Whose account is gone is shown out, logging in or logged in.
  #lockOut(host: Host, jid: JID, change: CredentialsChange): void {
    if (change === 'password') return;
    const error = new StreamError('not-authorized', { text: `the account was ${change}` });
    if (change === 'disabled') host.sessions.kickAll(jid.local, error);
    // A removal ends the sessions itself; here are those that are not bound yet.
    for (const { session, jid: own, stream } of this.#c2s?.connections ?? []) {
      if (session === undefined && own?.equals(jid)) stream.close(error);
    }
  }

  #openC2s(service: C2sService): void {
    const c2s = new C2sListener(service, this.#admission);
    this.#c2s = c2s;
    this.#undo.push(service.counts.export(this.metrics, c2s.connections));
    const { shutdownMs } = this.settings.current.limits.timeouts;
    this.#undo.push(() => this.#settle());
    this.#undo.push(() =>
      deadline(c2s.shutDown(), shutdownMs, this.clock).catch(() => {
        this.log.warn('shutdown.forced', { connections: c2s.connections.size });
        c2s.breakOff();
      }),
    );
  }

  // What clients have sent is handled while all hosts are still there.
  async #settle(): Promise<void> {
    const settled = Promise.all([...this.hosts.values()].map((host) => host.sessions.settled()));
    await deadline(settled, this.settings.current.limits.timeouts.closeMs, this.clock).catch(() => {
      this.log.warn('shutdown.unsettled');
    });
  }

  async #listen(): Promise<void> {
    const { listen: endpoints } = this.settings.current;
    for (const endpoint of endpoints.c2s) this.#bound('c2s', await this.c2s.listen(endpoint));
    const directTls = this.#acceptor(['xmpp-client']);
    for (const endpoint of endpoints.c2sTls) this.#bound('c2sTls', await this.c2s.listen(endpoint, directTls));
    await this.#listenHttp();
  }

  async #listenHttp(): Promise<void> {
    const { listen: endpoints, limits } = this.settings.current;
    const requests = this.metrics.counter({
      name: 'http_requests_total',
      help: 'HTTP requests, by the path of their route and the class of their status',
      labels: ['route', 'status'],
    });
    const http = new HttpServer({
      answered: (route = 'none', status) => requests.add({ route, status: `${Math.floor(status / 100)}xx` }),
      routes: this.routes,
      log: this.log,
      clock: this.clock,
      isTrustedProxy: (address) => this.#proxies.has(address),
    });
    this.#undo.push(() => http.close(limits.timeouts.closeMs));
    this.#serveWebSockets(http);
    this.routes.add('GET', '/healthz', () =>
      this.#stopping === undefined ? textResponse(200, 'ok') : textResponse(503, 'stopping'),
    );
    serveHostMeta(this.routes, {
      hosts: () => this.hosts.keys(),
      publicUrl: () => this.settings.current.http.publicUrl,
      websocketPath: WEBSOCKET_PATH,
      httpsPort: () => this.#httpsPort,
    });
    for (const endpoint of endpoints.http) {
      const server = this.#netServer((socket) => http.accept(socket, false));
      this.#bound('http', await listen(server, endpoint));
    }
    // Browsers would ask their users for a certificate.
    const acceptor = this.#acceptor(['http/1.1'], false);
    for (const endpoint of endpoints.https) {
      const server = this.#netServer((socket) =>
        acceptor.accept(socket, (error, secured) => {
          if (secured !== undefined) http.accept(secured, true);
          else this.log.debug('tls.failed', { reason: error?.message });
        }),
      );
      this.#bound('https', await listen(server, endpoint));
    }
  }

  #serveWebSockets(http: HttpServer): void {
    const { settings, clock } = this;
    const webSockets = new WebSocketAcceptor({
      get limits() {
        return xmlLimits(settings.current.limits, false);
      },
      maxMessageBytes: settings.current.limits.stanza.bytes,
      clock,
    });
    http.onUpgrade(WEBSOCKET_PATH, (upgrade) => {
      const release = this.c2s.admit(upgrade.remoteAddress);
      if (release === undefined) return refuseUpgrade(upgrade.socket, 429, 'Too many connections; try again later.');
      upgrade.socket.once('close', release);
      webSockets.accept(upgrade, (transport) => this.c2s.start(transport, release));
    });
  }

  /** The https URL under which clients reach what is served for a host: see `FeatureHost.httpsUrl`. */
  httpsUrl(domain: string): string | undefined {
    return httpsUrlOf(domain, { publicUrl: this.settings.current.http.publicUrl, httpsPort: this.#httpsPort });
  }

  get #httpsPort(): number | undefined {
    return this.listeners.find((listener) => listener.service === 'https')?.port;
  }

  #netServer(connected: (socket: Socket) => void): NetServer {
    const server = createServer({ noDelay: true }, connected);
    this.#undo.push(() => void server.close());
    return server;
  }

  #acceptor(alpn?: readonly string[], requestCertificate = this.settings.current.tls.clientCertificates.enabled) {
    const { limits } = this.settings.current;
    const acceptor = this.certificates.acceptor({
      alpn,
      requestCertificate,
      handshakeMs: limits.timeouts.tlsHandshakeMs,
    });
    this.#undo.push(() => acceptor.close());
    return acceptor;
  }

  #bound(
    service: BoundListener['service'],
    { address, port, warning }: Endpoint & { readonly warning?: string },
  ): void {
    this.listeners.push({ service, address, port });
    if (warning !== undefined) this.log.warn('listen.warning', { service, warning });
  }

  async #undoAll(): Promise<void> {
    for (const undo of this.#undo.splice(0).reverse()) {
      try {
        await undo();
      } catch (error) {
        this.log.error('stop.failed', {}, error);
      }
    }
  }
}

function readingTimes({ metrics }: Config): Parameters<Metrics['configure']>[0] {
  const { memoryInfoInterval: seconds, collectionInterval } = metrics;
  const memoryMs = Number.isNaN(seconds) ? DEFAULT_INTERVAL_MS : seconds * 1000;
  return { memoryMs, collectionMs: (collectionInterval ?? 0) * 1000 };
}
