import type { Client } from '../../oauth/client.ts';
import { OAuthError } from '../../oauth/errors.ts';
import type { FlowPurpose } from '../../oauth/flow-state.ts';
import type { Clock } from '../../util/clock.ts';
import { newId, unguessableNumber } from '../../util/ids.ts';
import type { Approval } from './approval.ts';
import type { OAuthKeys } from './keys.ts';
import { RateLimit } from './rate-limit.ts';

/** No vowels, so that no words come about, and nothing that looks like a digit. RFC 8628 §6.1. */
const LETTERS = 'BCDFGHJKLMNPQRSTVWXZ';
const CODE_LENGTH = 8;
const TTL_MS = 600_000;
const INTERVAL_MS = 5000;
/** A poll that was sent in time may have been delivered a bit sooner than the one before. */
const JITTER_MS = 500;
/** For how long a device can still learn what became of it. */
const OUTCOME_MS = 60_000;
const MAX_FLOWS = 10_000;
const WRONG_CODES_PER_MINUTE = 5;

/** What a device is told. RFC 8628 §3.2. */
export interface DeviceStart {
  readonly deviceCode: string;
  /** As it is shown: `BCDF-GHJK`. */
  readonly userCode: string;
  /** In seconds. */
  readonly expiresIn: number;
  readonly interval: number;
}

/** A device that somebody has typed the code of: the authorization request that follows. */
export interface DeviceClaim {
  readonly clientId: string;
  /** Stands for the device in what follows; signed, for ten minutes. */
  readonly state: string;
}

/** A device that waits for an answer. */
export interface WaitingDevice {
  /** As the device shows it: `BCDF-GHJK`. */
  readonly userCode: string;
  /** As the device asked for them; none: it did not say. */
  readonly scopes: readonly string[];
}

interface Flow {
  readonly id: string;
  readonly userCode: string;
  readonly deviceCode: string;
  readonly clientId: string;
  readonly clientHash: string;
  readonly scopes: readonly string[];
  expiresAt: number;
  intervalMs: number;
  polledAt: number | undefined;
  isClaimed: boolean;
  outcome: Approval | 'denied' | undefined;
}

const STATE: FlowPurpose<{ readonly flow: string }> = {
  name: 'device',
  parse: ({ flow }) => (typeof flow === 'string' ? { flow } : undefined),
};

export interface DevicesOptions {
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly keys: Pick<OAuthKeys, 'registration' | 'flows'>;
  /** How many devices may wait at the same time. */
  readonly maxFlows?: number;
}

/** The devices that wait for somebody to let them in, in memory. RFC 8628. */
export class Devices {
  readonly #options: DevicesOptions;
  readonly #wrongCodes: RateLimit;
  // Each device is in all three, the oldest first.
  readonly #byId = new Map<string, Flow>();
  readonly #byUserCode = new Map<string, Flow>();
  readonly #byDeviceCode = new Map<string, Flow>();

  constructor(options: DevicesOptions) {
    this.#options = options;
    this.#wrongCodes = new RateLimit(options.clock, WRONG_CODES_PER_MINUTE);
  }

  /** Begins a flow. Throws OAuthError `temporarily_unavailable` while too many devices are waiting. RFC 8628 §3.1. */
  start(client: Client, scopes: readonly string[]): DeviceStart {
    const { clock, keys, maxFlows = MAX_FLOWS } = this.#options;
    this.#forgetExpired();
    if (this.#byId.size >= maxFlows) throw new OAuthError('temporarily_unavailable', 'Too many devices are waiting.');
    let userCode = newUserCode();
    while (this.#byUserCode.has(userCode)) userCode = newUserCode();
    const flow: Flow = {
      id: newId(),
      userCode,
      deviceCode: keys.registration.deviceCodeOf(userCode),
      clientId: client.id,
      clientHash: client.hash,
      scopes,
      expiresAt: clock.monotonic() + TTL_MS,
      intervalMs: INTERVAL_MS,
      polledAt: undefined,
      isClaimed: false,
      outcome: undefined,
    };
    this.#byId.set(flow.id, flow);
    this.#byUserCode.set(userCode, flow);
    this.#byDeviceCode.set(flow.deviceCode, flow);
    return {
      deviceCode: flow.deviceCode,
      userCode: shownCode(userCode),
      expiresIn: TTL_MS / 1000,
      interval: INTERVAL_MS / 1000,
    };
  }

  /**
   * Uses up the code that somebody typed, however it is written; undefined for one that is wrong or has expired. Rejects with
   * OAuthError of status 429 after too many wrong ones from an address. RFC 8628 §3.3, §5.1.
   */
  async claim(typed: string, addressGroup: string): Promise<DeviceClaim | undefined> {
    const { clock, keys } = this.#options;
    this.#wrongCodes.check(addressGroup);
    const flow = this.#byUserCode.get(normalUserCode(typed));
    if (flow === undefined || flow.isClaimed || flow.expiresAt <= clock.monotonic()) {
      this.#wrongCodes.take(addressGroup);
      return undefined;
    }
    flow.isClaimed = true;
    const { id, clientId } = flow;
    return { clientId, state: await keys.flows.issue(STATE, bindingOf(clientId), { flow: id }) };
  }

  /** The device of a client that a state stands for; undefined unless it still waits for an answer. */
  async waiting(state: string, clientId: string): Promise<WaitingDevice | undefined> {
    const flow = await this.#flowOf(state, clientId);
    return flow && { userCode: shownCode(flow.userCode), scopes: flow.scopes };
  }

  /** Lets a device in; says whether it still waited. */
  async approve(state: string, clientId: string, approval: Approval): Promise<boolean> {
    return this.#settle(await this.#flowOf(state, clientId), approval);
  }

  /** Turns a device away; says whether it still waited. */
  async deny(state: string, clientId: string): Promise<boolean> {
    return this.#settle(await this.#flowOf(state, clientId), 'denied');
  }

  /**
   * What the owner granted to a device, once. Throws OAuthError: `authorization_pending`, `slow_down` for one that asks too often
   * and has to wait longer from then on, `access_denied`, `expired_token`. RFC 8628 §3.5.
   */
  poll(deviceCode: string, clientHash: string): Approval {
    const now = this.#options.clock.monotonic();
    const flow = this.#byDeviceCode.get(deviceCode);
    if (flow === undefined || flow.clientHash !== clientHash || flow.expiresAt <= now) {
      throw new OAuthError('expired_token', 'The device_code is unknown or has expired.');
    }
    if (flow.outcome === 'denied') throw new OAuthError('access_denied', 'Access was denied.');
    if (flow.outcome !== undefined) {
      this.#forget(flow);
      return flow.outcome;
    }
    const isTooFast = flow.polledAt !== undefined && now - flow.polledAt < flow.intervalMs - JITTER_MS;
    flow.polledAt = now;
    if (!isTooFast) throw new OAuthError('authorization_pending', 'Nobody has answered yet.');
    flow.intervalMs += INTERVAL_MS;
    throw new OAuthError('slow_down', 'The device asks too often.');
  }

  async #flowOf(state: string, clientId: string): Promise<Flow | undefined> {
    const { clock, keys } = this.#options;
    const reading = await keys.flows.read(STATE, bindingOf(clientId), state);
    const flow = reading.status === 'valid' ? this.#byId.get(reading.data.flow) : undefined;
    const isWaiting = flow !== undefined && flow.outcome === undefined && flow.expiresAt > clock.monotonic();
    return isWaiting ? flow : undefined;
  }

  #settle(flow: Flow | undefined, outcome: Approval | 'denied'): boolean {
    // Somebody else may have answered while the state was being read.
    if (flow === undefined || flow.outcome !== undefined) return false;
    flow.outcome = outcome;
    const kept = this.#options.clock.monotonic() + OUTCOME_MS;
    // A denial is soon forgotten; an approval at the last moment must still be fetched.
    flow.expiresAt = outcome === 'denied' ? kept : Math.max(kept, flow.expiresAt);
    return true;
  }

  #forgetExpired(): void {
    const now = this.#options.clock.monotonic();
    for (const flow of this.#byId.values()) {
      // Those that were answered are not quite in the order in which they expire; their turn comes soon.
      if (flow.expiresAt > now) break;
      this.#forget(flow);
    }
  }

  #forget({ id, userCode, deviceCode }: Flow): void {
    this.#byId.delete(id);
    this.#byUserCode.delete(userCode);
    this.#byDeviceCode.delete(deviceCode);
  }
}

function shownCode(userCode: string): string {
  return `${userCode.slice(0, CODE_LENGTH / 2)}-${userCode.slice(CODE_LENGTH / 2)}`;
}

/** The code as it is compared: people leave out the dash, and type small letters. RFC 8628 §6.1. */
function normalUserCode(typed: string): string {
  return typed.toUpperCase().replace(/[\s\p{Pd}]/gu, '');
}

function newUserCode(): string {
  return Array.from({ length: CODE_LENGTH }, newLetter).join('');
}

// 2^32 is no multiple of 20: the last letters come up one time in 200 million less often.
function newLetter(): string {
  return LETTERS[unguessableNumber() % LETTERS.length] ?? '';
}

function bindingOf(clientId: string): { readonly clientId: string; readonly query: string } {
  return { clientId, query: '' };
}
