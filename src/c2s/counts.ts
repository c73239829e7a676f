import type { Metrics } from '../metrics/metrics.ts';
import { Sampler } from '../metrics/sampler.ts';
import type { Transport } from '../stream/transport.ts';
import type { Clock } from '../util/clock.ts';

/** Classes of SASL mechanisms: what is proved, whatever the hash. */
const METHODS: readonly (readonly [prefix: string, method: string])[] = [
  ['SCRAM-', 'scram'],
  ['HT-', 'token'],
  ['OAUTHBEARER', 'bearer'],
  ['PLAIN', 'plain'],
  ['EXTERNAL', 'certificate'],
  ['ANONYMOUS', 'anonymous'],
];

interface LoginCount {
  readonly host: string;
  readonly method: string;
  readonly outcome: string;
  count: number;
}

/** What is counted of the connections of clients: plain numbers, read when somebody asks. */
export class C2sCounts {
  /** How long the handling of a stanza takes. */
  readonly handling: Sampler;
  readonly #accepted = { tcp: 0, websocket: 0 };
  #refused = 0;
  // Of the connections that have ended.
  #bytesRead = 0;
  #bytesWritten = 0;
  readonly #logins = new Map<string, LoginCount>();

  constructor(clock: Clock) {
    this.handling = new Sampler(clock);
  }

  /** A connection began. */
  accepted(kind: Transport['kind']): void {
    this.#accepted[kind]++;
  }

  /** A connection was not let in. */
  refused(): void {
    this.#refused++;
  }

  /** A connection has ended. */
  ended({ bytesRead, bytesWritten }: Pick<Transport, 'bytesRead' | 'bytesWritten'>): void {
    this.#bytesRead += bytesRead;
    this.#bytesWritten += bytesWritten;
  }

  /** Somebody tried to log in: `outcome` is `succeeded`, or the condition of the failure. */
  login(host: string, mechanism: string | undefined, outcome: string): void {
    const method = METHODS.find(([prefix]) => mechanism?.startsWith(prefix))?.[1] ?? 'none';
    const key = `${host} ${method} ${outcome}`;
    const entry = this.#logins.get(key) ?? { host, method, outcome, count: 0 };
    entry.count++;
    this.#logins.set(key, entry);
  }

  /** Exports the counts, and what the connections are that there are now. Returns what ends that. */
  export(metrics: Metrics, connections: ReadonlySet<Connection>): () => void {
    const undo = [
      metrics.timed(
        { name: 'stanza_handling_seconds', help: 'Handling of a stanza of a client; a sample' },
        this.handling.durations,
      ),
      metrics.counted(
        { name: 'connections_accepted_total', help: 'Connections of clients', labels: ['transport'] },
        (put) => {
          put({ transport: 'tcp' }, this.#accepted.tcp);
          put({ transport: 'websocket' }, this.#accepted.websocket);
        },
      ),
      metrics.counted({ name: 'connections_refused_total', help: 'Connections that were not let in' }, (put) =>
        put({}, this.#refused),
      ),
      metrics.measured(
        { name: 'connections', help: 'Connections of clients now', labels: ['transport', 'encrypted', 'stage'] },
        (put) => putConnections(connections, put),
      ),
      metrics.counted({ name: 'bytes_total', help: 'Bytes from and to clients', labels: ['direction'] }, (put) => {
        let [read, written] = [this.#bytesRead, this.#bytesWritten];
        for (const { stream } of connections) {
          read += stream.transport.bytesRead;
          written += stream.transport.bytesWritten;
        }
        put({ direction: 'in' }, read);
        put({ direction: 'out' }, written);
      }),
      metrics.counted(
        { name: 'logins_total', help: 'Logins, by their outcome', labels: ['host', 'method', 'outcome'] },
        (put) => {
          for (const { count, ...labels } of this.#logins.values()) put(labels, count);
        },
      ),
    ];
    return () => {
      for (const remove of undo) remove();
    };
  }
}

/** As much of a client's connection as is counted. */
interface Connection {
  readonly secure: boolean;
  readonly session: unknown;
  readonly stream: { readonly transport: Transport };
}

interface ConnectionLabels {
  readonly transport: string;
  readonly encrypted: string;
  readonly stage: string;
}

function putConnections(
  connections: Iterable<Connection>,
  put: (labels: ConnectionLabels, value: number) => void,
): void {
  const counts = new Map<string, { readonly labels: ConnectionLabels; count: number }>();
  for (const transport of ['tcp', 'websocket'] as const) {
    for (const encrypted of ['yes', 'no']) {
      for (const stage of ['negotiating', 'bound']) {
        counts.set(`${transport} ${encrypted} ${stage}`, { labels: { transport, encrypted, stage }, count: 0 });
      }
    }
  }
  for (const { stream, secure, session } of connections) {
    const key = `${stream.transport.kind} ${secure ? 'yes' : 'no'} ${session === undefined ? 'negotiating' : 'bound'}`;
    const entry = counts.get(key);
    if (entry !== undefined) entry.count++;
  }
  for (const { labels, count } of counts.values()) put(labels, count);
}
