import type { FeatureHost } from '../../core/feature.ts';
import { SaslError } from '../../errors.ts';
import { JID } from '../../jid.ts';
import type { CounterMetric } from '../../metrics/metrics.ts';
import {
  checkAnswer,
  checkCreation,
  creationOptions,
  type PasskeyAnswer,
  PasskeyError,
  readAnswer,
  requestOptions,
} from '../../second-factor/passkeys.ts';
import { passkeyOrigins, type RelyingParty, relyingPartyId } from '../../second-factor/relying-party.ts';
import { unguessableBytes } from '../../util/ids.ts';
import { LruCache } from '../../util/lru.ts';
import { Tickets } from '../shared/tickets.ts';
import { Turns } from '../shared/turns.ts';
import type { FactorSummary, PasskeyRequest, SecondFactors } from './api.ts';
import type { FactorBook } from './factor-book.ts';

const CHALLENGE_BYTES = 32;
const STATE_MS = 600_000;
/** Answers that were accepted are remembered for longer than their challenges are good, unless there are more than that. */
const MAX_USED = 20_000;

export interface ProofsOptions {
  readonly host: FeatureHost;
  readonly book: FactorBook;
  /** What authenticators show as the place. */
  readonly siteName: string;
}

/** What a passkey was asked for. */
interface Request {
  readonly challenge: string;
  /** The account; undefined: whichever the passkey belongs to. */
  readonly local: string | undefined;
  /** The handle that a new one is made for. */
  readonly handle: string | undefined;
  /** When the password was set that was given before; undefined where none was asked for. */
  readonly passwordUpdatedAt: number | undefined;
}

/** Proves who somebody is by what an account has beside its password, and makes passkeys. */
export class Proofs implements SecondFactors {
  readonly #host: FeatureHost;
  readonly #book: FactorBook;
  readonly #siteName: string;
  readonly #tickets: Tickets;
  // Of those that come at once each knows of the failures of those before: nobody has more guesses by making them together.
  readonly #turns = new Turns();
  readonly #used = new LruCache<string, true>(MAX_USED);
  readonly #checks: CounterMetric<'method' | 'outcome'>;

  constructor({ host, book, siteName }: ProofsOptions) {
    this.#host = host;
    this.#book = book;
    this.#siteName = siteName;
    this.#tickets = new Tickets({
      sealing: host.grants.sealing,
      clock: host.clock,
      place: `passkey\0${host.domain}`,
      ttlMs: STATE_MS,
    });
    this.#checks = host.metrics.counter({
      name: 'second_factor_checks_total',
      help: 'Second factors that were asked for on pages, by what was given and whether it was right',
      labels: ['method', 'outcome'],
    });
  }

  of(local: string): Promise<FactorSummary> {
    return this.#book.summary(local);
  }

  names(local: string): Promise<readonly string[]> {
    return this.#book.names(local);
  }

  checkCode(jid: JID, code: string, address: string): Promise<void> {
    return this.#proof(jid, address, 'code', () => this.#book.useCode(jid.local, code));
  }

  async passkeyOptions(local: string | undefined, origin: string | undefined): Promise<PasskeyRequest | undefined> {
    const party = this.#party(origin);
    if (party === undefined) return undefined;
    const challenge = newChallenge();
    const passkeys = local === undefined ? undefined : ((await this.#book.get(local))?.passkeys ?? []);
    const options = requestOptions(party, challenge, passkeys);
    if (options.allowCredentials?.length === 0) return undefined;
    const { passwordUpdatedAt = 0 } = (local !== undefined && (await this.#host.users.get(local))) || {};
    const state = this.#tickets.issue('get', { challenge, ...(local !== undefined && { local, passwordUpdatedAt }) });
    return { options: JSON.stringify(options), state };
  }

  async checkPasskey(state: string, response: string, origin: string | undefined, address: string): Promise<JID> {
    const request = this.#readRequest('get', state);
    const answer = request && this.#readAnswer(response);
    const local = request && answer && (request.local ?? (await this.#ownerOf(answer)));
    if (request === undefined || answer === undefined || local === undefined) return this.#refuse(address);
    const jid = JID.of(local, this.#host.domain);
    await this.#proof(jid, address, 'passkey', () => this.#isGood(local, answer, request, origin));
    const user = await this.#host.users.get(local);
    // Beside a password a passkey need not verify the person: then it must be the password that there is.
    const { passwordUpdatedAt = user?.passwordUpdatedAt } = request;
    if (user === undefined || user.passwordUpdatedAt !== passwordUpdatedAt) throw new SaslError('not-authorized');
    if (user.disabled) throw new SaslError('account-disabled');
    return user.jid;
  }

  async remove(local: string): Promise<boolean> {
    const wasOn = await this.#book.remove(local);
    const jid = JID.of(local, this.#host.domain).toString();
    if (wasOn) this.#host.log.warn('account.second-factor-changed', { jid, change: 'removed' });
    return wasOn;
  }

  /** Whether there are passkeys for pages of that origin. */
  hasPasskeys(origin: string | undefined): boolean {
    return this.#party(origin) !== undefined;
  }

  /** What to ask a browser for to make a passkey for an account; undefined where there are no passkeys for the origin. */
  async newPasskey(jid: JID, origin: string | undefined): Promise<PasskeyRequest | undefined> {
    const party = this.#party(origin);
    if (party === undefined) return undefined;
    const challenge = newChallenge();
    const handle = await this.#book.handleOf(jid.local);
    const known = (await this.#book.get(jid.local))?.passkeys ?? [];
    const options = await creationOptions(party, { handle, account: jid.toString(), known }, challenge);
    const state = this.#tickets.issue('create', { challenge, local: jid.local, handle });
    return { options: JSON.stringify(options), state };
  }

  /**
   * Adds the passkey that a browser made. Says whether that was as it must be. Throws StanzaError as `FactorBook.addPasskey`
   * does.
   */
  async addPasskey({ local }: JID, made: MadePasskey): Promise<boolean> {
    const { state, response, origin, name } = made;
    const request = this.#readRequest('create', state);
    const party = this.#party(origin);
    if (request?.local !== local || party === undefined) return false;
    // Everything may have been switched off meanwhile.
    if (request.handle !== (await this.#book.handleOf(local))) return false;
    try {
      const passkey = await checkCreation(party, request.challenge, response);
      this.#used.set(request.challenge, true);
      await this.#book.addPasskey(local, passkey, name);
      return true;
    } catch (error) {
      if (!(error instanceof PasskeyError)) throw error;
      this.#host.log.debug('second-factor.passkey-refused', { reason: error.message });
      return false;
    }
  }

  async #isGood(local: string, answer: PasskeyAnswer, request: Request, origin: string | undefined): Promise<boolean> {
    const party = this.#party(origin);
    const passkey = (await this.#book.get(local))?.passkeys.find(({ id }) => id === answer.id);
    if (party === undefined || passkey === undefined) return false;
    const expected = { challenge: request.challenge, userVerified: request.local === undefined };
    try {
      const counter = await checkAnswer(party, answer, passkey, expected);
      // Nothing may come between these two lines: an answer is good once.
      if (this.#used.get(request.challenge) === true) return false;
      this.#used.set(request.challenge, true);
      return await this.#book.usePasskey(local, passkey.id, counter);
    } catch (error) {
      if (!(error instanceof PasskeyError)) throw error;
      this.#host.log.debug('second-factor.passkey-refused', { reason: error.message });
      return false;
    }
  }

  async #proof(jid: JID, address: string, method: 'code' | 'passkey', isRight: () => Promise<boolean>): Promise<void> {
    let outcome: 'passed' | 'refused' = 'refused';
    try {
      await this.#turns.take(jid.local, () => this.#host.logins.proof(jid, address, method, isRight));
      outcome = 'passed';
    } finally {
      this.#checks.add({ method, outcome });
    }
  }

  /** For what says nothing of an account: there is nothing to guess, and nobody to protect. */
  #refuse(address: string): never {
    const condition = 'not-authorized';
    this.#checks.add({ method: 'passkey', outcome: 'refused' });
    this.#host.log.info('login.failed', { address, host: this.#host.domain, mechanism: 'passkey', condition });
    throw new SaslError(condition);
  }

  async #ownerOf({ handle }: PasskeyAnswer): Promise<string | undefined> {
    return handle === undefined ? undefined : this.#book.ownerOf(handle);
  }

  #readAnswer(response: string): PasskeyAnswer | undefined {
    try {
      return readAnswer(response);
    } catch (error) {
      if (error instanceof PasskeyError) return undefined;
      throw error;
    }
  }

  #readRequest(purpose: 'create' | 'get', state: string): Request | undefined {
    const { challenge, local, handle, passwordUpdatedAt } = this.#tickets.read(purpose, state) ?? {};
    if (typeof challenge !== 'string' || this.#used.get(challenge) === true) return undefined;
    const since = typeof passwordUpdatedAt === 'number' ? passwordUpdatedAt : undefined;
    return { challenge, local: textOrNone(local), handle: textOrNone(handle), passwordUpdatedAt: since };
  }

  #party(origin: string | undefined): RelyingParty | undefined {
    const { domain, httpsUrl } = this.#host;
    const id = relyingPartyId(domain, httpsUrl);
    const origins = passkeyOrigins({ domain, httpsUrl, origin });
    return id === undefined || origins.length === 0 ? undefined : { id, name: this.#siteName, origins };
  }
}

/** What a browser made for `newPasskey`. */
export interface MadePasskey {
  readonly state: string;
  /** As JSON. */
  readonly response: string;
  readonly origin: string | undefined;
  readonly name: string;
}

function textOrNone(fact: unknown): string | undefined {
  return typeof fact === 'string' ? fact : undefined;
}

function newChallenge(): string {
  return unguessableBytes(CHALLENGE_BYTES).toString('base64url');
}
