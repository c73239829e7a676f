import type { Account } from '../../core/account.ts';
import type { FeatureHost } from '../../core/feature.ts';
import type { Session } from '../../core/session.ts';
import type { Slot } from '../../core/slots.ts';
import type { Table, TableSpec } from '../../store/store.ts';
import { storedNumber, storedObject, storedText } from '../shared/stored.ts';
import type { PushRegistrations, Registration } from './api.ts';

type All = readonly Registration[];

const NONE: All = [];

/** The registrations of all hosts, under domain and localpart: one value for an account, because a message needs them all. */
export const REGISTRATIONS: TableSpec<All> = {
  name: 'push',
  parse(json) {
    if (!Array.isArray(json)) throw new TypeError('the push registrations of an account are no list');
    return json.map(parseRegistration);
  },
};

/** The name of a session's client: that of its installation or, of one that gives none, its resource. */
export function clientOf({ login, jid }: Session): string {
  return login?.clientId === undefined ? clientOfResource(jid.resource) : clientOfInstallation(login.clientId);
}

/** The name of a client that gives an identifier at login. XEP-0388 §2.2. */
export function clientOfInstallation(clientId: string): string {
  return `client/${clientId}`;
}

/** The name of a client that gives none. */
export function clientOfResource(resource: string): string {
  return `resource/${resource}`;
}

/** Whether both are one: an app server has one registration of each node for an account. XEP-0357 §5. */
export function isSame(a: Pick<Registration, 'service' | 'node'>, b: Pick<Registration, 'service' | 'node'>): boolean {
  return a.service === b.service && a.node === b.node;
}

/** The registrations of one host's accounts: stored, and at hand for those that are live. */
export class Registrations implements PushRegistrations {
  readonly #host: FeatureHost;
  readonly #table: Table<All>;
  readonly #live: Slot<Account, All>;
  readonly #max: number;
  #writes = 0;

  constructor(host: FeatureHost, max: number) {
    this.#host = host;
    this.#max = max;
    this.#table = host.table(REGISTRATIONS);
    this.#live = host.accountSlot(({ jid, isAnonymous }) => (isAnonymous ? NONE : this.#load(jid.local)));
  }

  /** Those of a live account, at once. */
  of(account: Account): All {
    return this.#live.of(account);
  }

  async list(local: string): Promise<All> {
    return (await this.#table.get(this.#host.domain, local)) ?? NONE;
  }

  /**
   * Adds a registration, in the place of the one of the same node if there is one; resolves when durable. Of too many, one
   * that does not work gives way, else the oldest.
   */
  enable(local: string, registration: Registration): Promise<void> {
    return this.#change(local, (all) => {
      const others = all.filter((other) => !isSame(other, registration));
      if (others.length >= this.#max) {
        const [oldest] = others;
        const doomed = others.find(({ isDisabled }) => isDisabled) ?? oldest;
        return [...others.filter((other) => other !== doomed), registration];
      }
      return [...others, registration];
    });
  }

  async remove(local: string, isChosen: (registration: Registration) => boolean): Promise<number> {
    // Most accounts have none, and many events ask.
    if (!(await this.list(local)).some(isChosen)) return 0;
    let removed = 0;
    await this.#change(local, (all) => {
      const left = all.filter((registration) => !isChosen(registration));
      removed = all.length - left.length;
      return left;
    });
    return removed;
  }

  /** Notes how a registration did, unless it was enabled anew or removed meanwhile; resolves when durable. */
  note(
    local: string,
    tried: Registration,
    outcome: Pick<Registration, 'failures' | 'retryAt' | 'error' | 'isDisabled'>,
  ): Promise<void> {
    return this.#change(local, (all) =>
      all.map((registration) =>
        isSame(registration, tried) && registration.enabledAt === tried.enabledAt
          ? { ...registration, ...outcome }
          : registration,
      ),
    );
  }

  /** Removes all that is kept of an account; resolves when durable. */
  clear(local: string): Promise<void> {
    return this.#table.delete([this.#host.domain, local]);
  }

  async #change(local: string, change: (all: All) => All): Promise<void> {
    const changed = await this.#table.update([this.#host.domain, local], (old = NONE) => {
      const all = change(old);
      return all.length === 0 ? undefined : all;
    });
    this.#writes++;
    const account = this.#host.account(local);
    if (account !== undefined) this.#live.set(account, changed ?? NONE);
  }

  // What is read while a write ends may be older than what the write has made known.
  async #load(local: string): Promise<All> {
    for (;;) {
      const writes = this.#writes;
      const all = await this.list(local);
      if (writes === this.#writes) return all;
    }
  }
}

function parseRegistration(json: unknown): Registration {
  const { service, node, client, grantId, options, enabledAt, failures, retryAt, error, isDisabled } =
    storedObject(json);
  return {
    service: storedText(service),
    node: storedText(node),
    client: storedText(client),
    grantId: grantId === undefined ? undefined : storedText(grantId),
    options: options === undefined ? undefined : storedText(options),
    enabledAt: storedNumber(enabledAt),
    failures: storedNumber(failures),
    retryAt: storedNumber(retryAt),
    error: error === undefined ? undefined : storedText(error),
    isDisabled: isDisabled === true,
  };
}
