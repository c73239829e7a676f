import type { FeatureHost } from '../../core/feature.ts';
import { StanzaError } from '../../errors.ts';
import { JID } from '../../jid.ts';
import { iq, Payload } from '../../stanza.ts';
import { StoreError } from '../../store/store.ts';
import { chance } from '../../util/ids.ts';
import type { Absence } from './absence.ts';
import type { Registration } from './api.ts';
import { publication, type Summary } from './notification.ts';
import { isSame, type Registrations } from './registrations.ts';

const FIRST_RETRY_MS = 60_000;
const MAX_RETRY_MS = 3_600_000;

/** How app servers are dealt with. */
export interface SenderOptions {
  readonly timeoutMs: number;
  /** After so many failures in a row a registration is disabled. */
  readonly maxFailures: number;
  /** What an app server is told of what a client missed. */
  readonly summarize: (absence: Absence) => Summary;
  /** So many requests at a time, of all accounts. */
  readonly maxSending?: number;
  /** So many of them to one app server: one that hangs holds up nobody but its own clients. */
  readonly maxSendingToOne?: number;
  /** So many wait for their turn or for another attempt; the one that has waited for longest gives way. */
  readonly maxWaiting?: number;
}

/** A client that is to be woken by one of its registrations. */
interface Push {
  readonly local: string;
  readonly client: string;
  readonly service: string;
  readonly node: string;
  readonly absence: Absence;
}

/**
 * Asks app servers to wake clients. Nobody waits for that: requests have a deadline, their number is bounded, and what fails
 * is tried again, later and later, while the client is still away. XEP-0357 §7.
 */
export class Sender {
  readonly #host: FeatureHost;
  readonly #registrations: Registrations;
  readonly #options: Required<SenderOptions>;
  readonly #sending = new Set<string>();
  /** How many of them by app server. */
  readonly #load = new Map<string, number>();
  readonly #waiting = new Map<string, { readonly push: Push; readonly at: number }>();
  #hasStopped = false;

  constructor(host: FeatureHost, registrations: Registrations, options: SenderOptions) {
    this.#host = host;
    this.#registrations = registrations;
    this.#options = { maxSending: 500, maxSendingToOne: 50, maxWaiting: 10_000, ...options };
  }

  /** Wakes a client by all of its registrations that work. Returns at once. */
  wake(local: string, client: string, absence: Absence): void {
    this.#wake(local, client, absence).catch((error: unknown) => this.#failed('push.not-sent', error));
  }

  /** Sends what has waited for its time. */
  sweep(): void {
    const now = this.#host.clock.now();
    for (const [key, { push, at }] of this.#waiting) {
      if (push.absence.isOver) this.#waiting.delete(key);
      else if (at <= now && this.#hasRoom(key, push)) this.#start(key, push);
    }
  }

  /** What is under way is not waited for, and its outcome is not noted. */
  stop(): void {
    this.#hasStopped = true;
    this.#waiting.clear();
  }

  async #wake(local: string, client: string, absence: Absence): Promise<void> {
    // Who cannot log in is not asked to.
    if ((await this.#host.users.status(local)) !== 'enabled') return;
    for (const registration of await this.#registrations.list(local)) {
      if (registration.client !== client || registration.isDisabled) continue;
      const { service, node, retryAt } = registration;
      this.#offer({ local, client, service, node, absence }, retryAt);
    }
  }

  #offer(push: Push, notBefore: number): void {
    const key = `${push.local}\0${push.service}\0${push.node}`;
    if (notBefore <= this.#host.clock.now() && this.#hasRoom(key, push)) this.#start(key, push);
    else this.#wait(key, push, notBefore);
  }

  #wait(key: string, push: Push, at: number): void {
    if (this.#hasStopped) return;
    this.#waiting.delete(key);
    this.#waiting.set(key, { push, at });
    if (this.#waiting.size <= this.#options.maxWaiting) return;
    for (const oldest of this.#waiting.keys()) return void this.#waiting.delete(oldest);
  }

  #hasRoom(key: string, { service }: Push): boolean {
    const { maxSending, maxSendingToOne } = this.#options;
    const isFull = this.#sending.size >= maxSending || (this.#load.get(service) ?? 0) >= maxSendingToOne;
    return !isFull && !this.#sending.has(key);
  }

  #start(key: string, push: Push): void {
    const { service } = push;
    this.#waiting.delete(key);
    this.#sending.add(key);
    this.#load.set(service, (this.#load.get(service) ?? 0) + 1);
    const ended = (): void => {
      this.#sending.delete(key);
      const left = (this.#load.get(service) ?? 1) - 1;
      if (left === 0) this.#load.delete(service);
      else this.#load.set(service, left);
    };
    this.#send(key, push)
      .catch((error: unknown) => this.#failed('push.not-recorded', error))
      .finally(ended);
  }

  async #send(key: string, push: Push): Promise<void> {
    const { local, client, absence } = push;
    const registration = (await this.#registrations.list(local)).find((candidate) => isSame(candidate, push));
    if (registration === undefined || registration.client !== client || registration.isDisabled) return;
    const error = await this.#request(registration, this.#options.summarize(absence));
    if (this.#hasStopped) return;
    if (error !== undefined) return this.#refused(key, push, registration, error);
    if (registration.failures === 0) return;
    await this.#registrations.note(local, registration, WORKS);
  }

  /** Publishes in the name of the server itself, and returns the error if there is one. */
  async #request(registration: Registration, summary: Summary): Promise<StanzaError | undefined> {
    const payload = new Payload([publication(registration, summary)]);
    const to = JID.parse(registration.service);
    try {
      await this.#host.request(iq({ type: 'set', from: this.#host.jid, to, payload }), this.#options.timeoutMs);
      return undefined;
    } catch (error) {
      if (error instanceof StanzaError) return error;
      throw error;
    }
  }

  async #refused(key: string, push: Push, registration: Registration, error: StanzaError): Promise<void> {
    const { clock, log, domain } = this.#host;
    const { local, service } = push;
    const failures = registration.failures + 1;
    const isDisabled = !isTransient(error) || failures >= this.#options.maxFailures;
    const retryAt = isDisabled ? 0 : clock.now() + retryAfter(failures);
    const { condition } = error;
    const facts = { jid: JID.of(local, domain).toString(), service, condition, failures };
    if (isDisabled) log.info('push.disabled', facts);
    else log.debug('push.failed', facts);
    if (!isDisabled && !push.absence.isOver) this.#wait(key, push, retryAt);
    await this.#registrations.note(local, registration, { failures, retryAt, error: condition, isDisabled });
  }

  #failed(event: string, error: unknown): void {
    if (this.#hasStopped) return;
    if (error instanceof StoreError) this.#host.log.error(event, {}, error);
    else this.#host.log.error('bug', { where: 'push' }, error);
  }
}

const WORKS = { failures: 0, retryAt: 0, error: undefined, isDisabled: false };

/** Whether a failure says nothing of the next attempt. XEP-0357 §7.1: any other error disables a registration. */
function isTransient({ condition, type }: StanzaError): boolean {
  return type === 'wait' || condition === 'remote-server-not-found' || condition === 'internal-server-error';
}

/** Twice as long each time, within bounds, and never at the same time for all that failed together. */
function retryAfter(failures: number): number {
  const ms = Math.min(FIRST_RETRY_MS * 2 ** (failures - 1), MAX_RETRY_MS);
  return Math.round(ms * (0.5 + chance() / 2));
}
