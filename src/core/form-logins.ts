import { SaslError } from '../errors.ts';
import type { JID } from '../jid.ts';
import type { Logger } from '../log/log.ts';
import { prepareUsername } from '../sasl/prepare.ts';
import type { LoginThrottle } from '../sasl/throttle.ts';
import type { User, Users } from './users.ts';

/** What a person typed into a form, and from where it came. */
export interface FormLogin {
  /** A localpart, or a bare JID of this host. */
  readonly username: string;
  readonly password: string;
  readonly address: string;
}

export interface FormLoginsOptions {
  readonly domain: string;
  readonly users: Users;
  readonly throttle: Pick<LoginThrottle, 'admit' | 'failed' | 'succeeded'>;
  readonly log: Logger;
  /** Tells the features that somebody is in. */
  readonly announce: (jid: JID, address: string) => void;
}

/** Who is to be let in, and by what. */
interface Attempt {
  /** A prepared localpart; undefined for what is none. */
  readonly local: string | undefined;
  readonly address: string;
  readonly method: string;
}

/**
 * Checks what people type into forms, by the rules of logins on streams: the same throttle, the same log. A code of a second
 * factor is guarded by it too.
 */
export class FormLogins {
  /** How often each outcome was: `succeeded`, or the condition of a password's failure. Proofs of a second factor are counted elsewhere. */
  readonly outcomes = new Map<string, number>();
  readonly #options: FormLoginsOptions;

  constructor(options: FormLoginsOptions) {
    this.#options = options;
  }

  /** The localpart that somebody means who typed this; undefined for what no account can be called. */
  localOf(username: string): string | undefined {
    const suffix = `@${this.#options.domain}`;
    const given = username.trim();
    try {
      return prepareUsername(given.toLowerCase().endsWith(suffix) ? given.slice(0, -suffix.length) : given);
    } catch (error) {
      if (error instanceof SaslError) return undefined;
      throw error;
    }
  }

  /**
   * Checks a password. Throws SaslError: `not-authorized` for a name or password that is wrong, `account-disabled`, or
   * `temporary-auth-failure` after too many failures.
   */
  async password({ username, password, address }: FormLogin): Promise<User> {
    const { users } = this.#options;
    const local = this.localOf(username);
    return this.#guarded({ local, address, method: 'form' }, async () => {
      const before = local === undefined ? undefined : await users.get(local);
      const isRight = local !== undefined && (await users.verifyPassword(local, password));
      const user = isRight ? await users.get(local) : undefined;
      // It may have been changed while it was checked: whoever is let in is let in by the one that there is.
      if (user === undefined || user.passwordUpdatedAt !== before?.passwordUpdatedAt) {
        throw new SaslError('not-authorized');
      }
      if (user.disabled) throw new SaslError('account-disabled');
      return user;
    });
  }

  /**
   * Checks something else that proves who somebody is, such as a code; `isRight` says whether it does. Throws SaslError as
   * `password` does.
   */
  async proof(jid: JID, address: string, method: string, isRight: () => Promise<boolean>): Promise<void> {
    await this.#guarded({ local: jid.local, address, method }, async () => {
      if (!(await isRight())) throw new SaslError('not-authorized');
    });
  }

  /** Remembers, logs and announces that somebody is in: all that was asked for has been proved. */
  succeeded(jid: JID, address: string): void {
    const { throttle, log, announce } = this.#options;
    throttle.succeeded({ address, account: jid.toString() });
    this.#count('succeeded');
    log.info('login.succeeded', { jid: jid.toString(), mechanism: 'form', address, transport: 'http' });
    announce(jid, address);
  }

  #count(outcome: string): void {
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
  }

  async #guarded<T>({ local, address, method }: Attempt, check: () => Promise<T>): Promise<T> {
    const { domain, throttle, log } = this.#options;
    const attempt = { address, account: local === undefined ? undefined : `${local}@${domain}` };
    throttle.admit(attempt);
    try {
      return await check();
    } catch (error) {
      if (!(error instanceof SaslError)) throw error;
      if (error.condition === 'not-authorized') throttle.failed(attempt);
      const { condition } = error;
      if (method === 'form') this.#count(condition);
      log.info('login.failed', { address, host: domain, user: local, mechanism: method, condition });
      throw error;
    }
  }
}
