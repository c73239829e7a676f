import type { FeatureHost } from '../../core/feature.ts';
import { StanzaError } from '../../errors.ts';
import type { Passkey } from '../../second-factor/passkeys.ts';
import { newRecoveryCodes, typedRecoveryCode } from '../../second-factor/recovery-codes.ts';
import { totpCounter } from '../../second-factor/totp.ts';
import type { Table } from '../../store/store.ts';
import { unguessableBytes } from '../../util/ids.ts';
import { Turns } from '../shared/turns.ts';
import type { FactorSummary } from './api.ts';
import { FACTORS, type Factors, HANDLES, type OwnPasskey } from './record.ts';

/** How many passkeys an account may have. */
export const MAX_PASSKEYS = 20;
/** In characters. */
const MAX_NAME = 64;
/** WebAuthn Level 3 §5.4.3: at most 64. */
const HANDLE_BYTES = 32;

/** What the owner of an account has set up, and what is left of it. Writes resolve when durable; each check uses up what it accepts. */
export class FactorBook {
  readonly #host: FeatureHost;
  readonly #factors: Table<Factors>;
  readonly #handles: Table<string>;
  // Nothing is written for an account whose removal has begun.
  readonly #turns = new Turns();

  constructor(host: FeatureHost) {
    this.#host = host;
    this.#factors = host.table(FACTORS);
    this.#handles = host.table(HANDLES);
  }

  get(local: string): Promise<Factors | undefined> {
    return this.#factors.get(this.#host.domain, local);
  }

  async summary(local: string): Promise<FactorSummary> {
    const factors = (await this.get(local)) ?? { handle: '', ...NOTHING };
    return {
      totp: factors.totp !== undefined,
      passkeys: factors.passkeys.length,
      recoveryCodes: factors.recoveryCodes.length,
      isRequired: isOn(factors),
      refusesPasswords: factors.refusesPasswords,
    };
  }

  async names(local: string): Promise<readonly string[]> {
    const { totp, passkeys = [] } = (await this.get(local)) ?? {};
    return [...passkeys.map(({ id }) => id), ...(totp === undefined ? [] : [`app of ${totp.createdAt}`])];
  }

  /** Whose handle this is: a localpart. */
  ownerOf(handle: string): Promise<string | undefined> {
    return this.#handles.get(this.#host.domain, handle);
  }

  /** The handle of an account, made when first asked for. Throws StanzaError `item-not-found` where there is no such account. */
  handleOf(local: string): Promise<string> {
    return this.#turns.take(local, async () => {
      const { domain, store, users } = this.#host;
      const known = await this.get(local);
      if (known !== undefined) return known.handle;
      if (!(await users.exists(local))) throw new StanzaError('item-not-found');
      const handle = unguessableBytes(HANDLE_BYTES).toString('base64url');
      await store.commit((batch) => {
        batch.put(this.#factors, [domain, local], { handle, ...NOTHING });
        batch.put(this.#handles, [domain, handle], local);
      });
      return handle;
    });
  }

  /**
   * Sets codes of an app up, in the place of those that there were, if the code is one of the secret's. Says whether it is;
   * it is used up then.
   */
  async setTotp(local: string, secret: string, code: string): Promise<boolean> {
    const now = this.#host.clock.now();
    const counter = totpCounter(secret, code, now);
    if (counter === undefined) return false;
    const sealed = this.#host.grants.sealing.seal(secret, this.#placeOf(local));
    const totp = { secret: sealed, counter, createdAt: now };
    await this.handleOf(local);
    await this.#edit(local, (factors) => ({ ...factors, totp }));
    return true;
  }

  async removeTotp(local: string): Promise<void> {
    await this.#edit(local, (factors) => ({ ...factors, totp: undefined }));
  }

  /**
   * Adds a passkey that was made for the account's handle. Throws StanzaError: `resource-constraint` for one too many,
   * `conflict` for one that is there.
   */
  async addPasskey(local: string, passkey: Passkey, name: string): Promise<void> {
    const own: OwnPasskey = {
      ...passkey,
      name: nameOf(name, 'Passkey'),
      createdAt: this.#host.clock.now(),
      usedAt: undefined,
    };
    await this.#edit(local, (factors) => {
      if (factors.passkeys.some(({ id }) => id === passkey.id)) throw new StanzaError('conflict');
      if (factors.passkeys.length >= MAX_PASSKEYS) throw new StanzaError('resource-constraint');
      return { ...factors, passkeys: [...factors.passkeys, own] };
    });
  }

  async renamePasskey(local: string, passkeyId: string, name: string): Promise<void> {
    const rename = (key: OwnPasskey): OwnPasskey =>
      key.id === passkeyId ? { ...key, name: nameOf(name, key.name) } : key;
    await this.#edit(local, (factors) => ({ ...factors, passkeys: factors.passkeys.map(rename) }));
  }

  async removePasskey(local: string, passkeyId: string): Promise<void> {
    await this.#edit(local, (factors) => ({
      ...factors,
      passkeys: factors.passkeys.filter(({ id }) => id !== passkeyId),
    }));
  }

  /** Writes down that a passkey was used. Says whether it may be: it is still there, and its counter, if it counts, has grown. */
  async usePasskey(local: string, passkeyId: string, counter: number): Promise<boolean> {
    let isGood = false;
    const usedAt = this.#host.clock.now();
    await this.#edit(local, (factors) => {
      const key = factors.passkeys.find(({ id }) => id === passkeyId);
      isGood = key !== undefined && (counter > key.counter || (counter === 0 && key.counter === 0));
      if (!isGood) return factors;
      const passkeys = factors.passkeys.map((other) => (other === key ? { ...key, counter, usedAt } : other));
      return { ...factors, passkeys };
    });
    return isGood;
  }

  /** Makes recovery codes, in the place of those that there were. An account that has nothing to recover from keeps none. */
  async makeRecoveryCodes(local: string): Promise<readonly string[]> {
    const codes = newRecoveryCodes();
    const recoveryCodes = codes.map((code) => this.#digest(local, code));
    await this.#edit(local, (factors) => ({ ...factors, recoveryCodes }));
    return codes;
  }

  async setRefusesPasswords(local: string, refusesPasswords: boolean): Promise<void> {
    await this.#edit(local, (factors) => ({ ...factors, refusesPasswords }));
  }

  /** Whether a code is right, one of an app or a recovery code. One that is right is used up. */
  async useCode(local: string, code: string): Promise<boolean> {
    let isGood = false;
    const typed = typedRecoveryCode(code);
    const digest = typed === undefined ? undefined : this.#digest(local, typed);
    await this.#edit(local, (factors) => {
      const counter = digest === undefined ? this.#totpCounter(local, factors, code) : undefined;
      isGood = counter !== undefined || (digest !== undefined && factors.recoveryCodes.includes(digest));
      const recoveryCodes = factors.recoveryCodes.filter((other) => other !== digest);
      const totp = factors.totp && { ...factors.totp, counter: counter ?? factors.totp.counter };
      return isGood ? { ...factors, totp, recoveryCodes } : factors;
    });
    return isGood;
  }

  /** Removes everything. Says whether anything was on. */
  remove(local: string): Promise<boolean> {
    return this.#turns.take(local, async () => {
      const { domain, store } = this.#host;
      const factors = await this.get(local);
      if (factors === undefined) return false;
      await store.commit((batch) => {
        batch.delete(this.#factors, [domain, local]);
        batch.delete(this.#handles, [domain, factors.handle]);
      });
      return isOn(factors);
    });
  }

  #totpCounter(local: string, { totp }: Factors, code: string): number | undefined {
    const secret = totp && this.#host.grants.sealing.open(totp.secret, this.#placeOf(local));
    if (totp === undefined || secret === undefined) return undefined;
    const counter = totpCounter(secret, code, this.#host.clock.now());
    return counter !== undefined && counter > totp.counter ? counter : undefined;
  }

  /** Changes what there is; where there is nothing, it stays so. */
  async #edit(local: string, change: (factors: Factors) => Factors): Promise<void> {
    const run = (factors: Factors | undefined): Factors | undefined => factors && whatIsLeft(change(factors));
    await this.#turns.take(local, () => this.#factors.update([this.#host.domain, local], run));
  }

  #digest(local: string, code: string): string {
    return this.#host.grants.sealing.digest(`${this.#placeOf(local)}\0${code}`);
  }

  #placeOf(local: string): string {
    return `second-factor\0${this.#host.domain}\0${local}`;
  }
}

const NOTHING = { totp: undefined, passkeys: [], recoveryCodes: [], refusesPasswords: false } as const;

function isOn({ totp, passkeys }: Factors): boolean {
  return totp !== undefined || passkeys.length > 0;
}

/** Without a factor there is nothing to recover from, and no reason to distrust the password. */
function whatIsLeft(factors: Factors): Factors {
  return isOn(factors) ? factors : { handle: factors.handle, ...NOTHING };
}

/** A name as it is shown: one line, without what could disguise it. */
function nameOf(given: string, otherwise: string): string {
  const name = given.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ').trim();
  return [...name].slice(0, MAX_NAME).join('').trim() || otherwise;
}
