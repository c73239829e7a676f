import { Service } from '../../core/service.ts';
import type { JID } from '../../jid.ts';

/** What an account has beside its password. */
export interface FactorSummary {
  /** Codes of an authenticator app. RFC 6238. */
  readonly totp: boolean;
  readonly passkeys: number;
  /** How many are left. */
  readonly recoveryCodes: number;
  /** Whether the password alone is not enough on pages. */
  readonly isRequired: boolean;
  /** Whether no client may log in with the password: only applications that have access of their own. */
  readonly refusesPasswords: boolean;
}

/** What a page hands to a browser so that a person can use a passkey, and what it gives back along with the answer. */
export interface PasskeyRequest {
  /** What `navigator.credentials.get` takes, as JSON. */
  readonly options: string;
  /** Good for ten minutes and one answer; signed and sealed. */
  readonly state: string;
}

/**
 * The second factors of the accounts of one host. Localparts are prepared ones. What proves who somebody is is throttled and
 * logged like passwords; `host.logins.succeeded` is for whoever asked to call.
 */
export interface SecondFactors {
  of(local: string): Promise<FactorSummary>;
  /** The passkeys and the app of an account, by names that no other ones of it ever have: for who wants to know whether one is gone. */
  names(local: string): Promise<readonly string[]>;
  /**
   * Checks a code of an authenticator app or a recovery code, either of which is good once. Throws SaslError:
   * `not-authorized`, or `temporary-auth-failure` after too many failures.
   */
  checkCode(jid: JID, code: string, address: string): Promise<void>;
  /**
   * What to ask a browser for: one of the passkeys of an account beside its password, or, without an account, any passkey in the
   * place of name, password and second factor. `origin` is that of the request in hand; undefined is returned where there are
   * no passkeys for it. See `originOf` in features/shared.
   */
  passkeyOptions(local: string | undefined, origin: string | undefined): Promise<PasskeyRequest | undefined>;
  /**
   * Checks what the browser answered, as JSON; returns whose passkey it is. Throws SaslError: `not-authorized`,
   * `account-disabled`, or `temporary-auth-failure` after too many failures.
   */
  checkPasskey(state: string, response: string, origin: string | undefined, address: string): Promise<JID>;
  /** Switches everything off, for somebody who has lost everything. Says whether anything was on. */
  remove(local: string): Promise<boolean>;
}

/** Provided where accounts may have a second factor. */
export const secondFactors = new Service<SecondFactors>('second-factors');
