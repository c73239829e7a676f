import type { FeatureHost } from '../../../core/feature.ts';
import type { User } from '../../../core/users.ts';
import { JID } from '../../../jid.ts';
import type { FlowBinding, FlowPurpose, FlowStates } from '../../../oauth/flow-state.ts';
import { secondFactors } from '../../second-factor/api.ts';

/** Who somebody has proved to be, at least by a password. */
export interface Identity {
  /** A bare JID. */
  readonly jid: JID;
  /** When the password was typed, or the passkey used, in milliseconds since the Unix epoch. */
  readonly authenticatedAt: number;
  /** How. RFC 8176 §2. */
  readonly amr: readonly string[];
}

/** How the ways to log in are called in ID tokens. RFC 8176 §2. */
export const AMR = {
  password: ['pwd'],
  code: ['pwd', 'otp', 'mfa'],
  secondPasskey: ['pwd', 'hwk', 'mfa'],
  passkey: ['hwk', 'user', 'mfa'],
} as const;

/** How far somebody has got: only the password is known to be right, or all that the account asks for. */
export type Stage = 'second' | 'consent';

type Facts = { readonly local: string; readonly at: number; readonly amr: string };

const PURPOSES: Readonly<Record<Stage, FlowPurpose<Facts>>> = {
  second: { name: 'second step', parse: readFacts },
  consent: { name: 'user', parse: readFacts },
};

type IdentitiesHost = Pick<FeatureHost, 'domain' | 'users' | 'find'>;

/** Who is on which page: there are no cookies, so each page carries a token for its form, good in that one flow. */
export class Identities {
  readonly #host: IdentitiesHost;
  readonly #flows: FlowStates;

  constructor(host: IdentitiesHost, flows: FlowStates) {
    this.#host = host;
    this.#flows = flows;
  }

  /** A token for the form of a page. */
  token(stage: Stage, binding: FlowBinding, { jid, authenticatedAt, amr }: Identity): Promise<string> {
    const facts = { local: jid.local, at: authenticatedAt, amr: amr.join(' ') };
    return this.#flows.issue(PURPOSES[stage], binding, facts);
  }

  /**
   * Whose token it is; undefined for what is no token of the stage and the flow, for one whose time is over, and when the
   * account, its password or what it asks for has changed since.
   */
  async read(stage: Stage, binding: FlowBinding, token: string | undefined): Promise<KnownUser | undefined> {
    if (token === undefined) return undefined;
    const reading = await this.#flows.read(PURPOSES[stage], binding, token);
    if (reading.status !== 'valid') return undefined;
    const { local, at, amr } = reading.data;
    const user = await this.#host.users.get(local);
    if (user === undefined || user.disabled || user.passwordUpdatedAt > at) return undefined;
    const identity = { jid: JID.of(local, this.#host.domain), authenticatedAt: at, amr: amr.split(' ') };
    if (stage === 'consent' && !(await this.isEnough(identity))) return undefined;
    return { user, identity };
  }

  /** Whether nothing more needs to be proved. */
  async isEnough({ jid, amr }: Identity): Promise<boolean> {
    if (amr.includes('mfa')) return true;
    return (await this.#host.find(secondFactors)?.of(jid.local))?.isRequired !== true;
  }
}

/** Somebody, with the account. */
export interface KnownUser {
  readonly user: User;
  readonly identity: Identity;
}

function readFacts({ local, at, amr }: Readonly<Record<string, unknown>>): Facts | undefined {
  if (typeof local !== 'string' || typeof at !== 'number' || typeof amr !== 'string') return undefined;
  return { local, at, amr };
}
