import type { FeatureHost } from '../../core/feature.ts';
import { SaslError, StanzaError } from '../../errors.ts';
import { newTotpSecret, totpUri } from '../../second-factor/totp.ts';
import { clientAccess } from '../client-management/api.ts';
import { loginRefusal } from '../shared/login-refusal.ts';
import { Tickets } from '../shared/tickets.ts';
import type { Answer, Sent } from './account-forms.ts';
import type { AccountOverview } from './account-overview.ts';
import type { Notice } from './account-texts.ts';
import { appView, codesView, newPasskeyView } from './account-views.ts';
import type { FactorBook } from './factor-book.ts';
import { ChangeNotices } from './notice.ts';
import type { Proofs } from './proofs.ts';
import type { Visit, Visits } from './visits.ts';

export interface AccountActionsOptions {
  readonly host: FeatureHost;
  readonly book: FactorBook;
  readonly proofs: Proofs;
  readonly visits: Visits;
  readonly overview: AccountOverview;
  /** What authenticator apps show as the place. */
  readonly siteName: string;
}

/** How long somebody may take to set an app up. */
const SETUP_MS = 600_000;
const APP = 'app';

type Action = (visit: Visit, sent: Sent) => Promise<Answer>;

/** What somebody who has logged in can do on the account page. */
export class AccountActions {
  readonly #options: AccountActionsOptions;
  readonly #setups: Tickets;
  readonly #notices: ChangeNotices;

  readonly #actions: Readonly<Record<string, Action>> = {
    overview: (visit, sent) => this.#show(visit, sent),
    'app-begin': (visit, sent) => this.#app(visit, sent, newTotpSecret()),
    'app-confirm': (visit, sent) => this.#confirmApp(visit, sent),
    'app-remove': (visit, sent) => this.#change(visit, sent, 'appOff', (local) => this.#options.book.removeTotp(local)),
    'passkey-begin': (visit, sent) => this.#newPasskey(visit, sent),
    'passkey-add': (visit, sent) => this.#addPasskey(visit, sent),
    'passkey-rename': (visit, sent) =>
      this.#change(visit, sent, 'passkeyRenamed', (local) =>
        this.#options.book.renamePasskey(local, sent.form.get('id') ?? '', sent.form.get('name') ?? ''),
      ),
    'passkey-remove': (visit, sent) =>
      this.#change(visit, sent, 'passkeyRemoved', (local) =>
        this.#options.book.removePasskey(local, sent.form.get('id') ?? ''),
      ),
    codes: (visit, sent) => this.#makeCodes(visit, sent),
    'passwords-refuse': (visit, sent) =>
      this.#change(visit, sent, 'appsOn', (local) => this.#options.book.setRefusesPasswords(local, true)),
    'passwords-allow': (visit, sent) =>
      this.#change(visit, sent, 'appsOff', (local) => this.#options.book.setRefusesPasswords(local, false)),
    revoke: (visit, sent) => this.#revoke(visit, sent),
    password: (visit, sent) => this.#setPassword(visit, sent),
  };

  constructor(options: AccountActionsOptions) {
    const { host } = options;
    this.#options = options;
    this.#notices = new ChangeNotices(host);
    this.#setups = new Tickets({
      sealing: host.grants.sealing,
      clock: host.clock,
      place: `second-factor setup\0${host.domain}`,
      ttlMs: SETUP_MS,
    });
  }

  /** Does what a form asks for; undefined for something that there is not. */
  run(action: string, visit: Visit, sent: Sent): Promise<Answer> | undefined {
    return Object.hasOwn(this.#actions, action) ? this.#actions[action]?.(visit, sent) : undefined;
  }

  async #show(visit: Visit, sent: Sent, said: { done?: string; error?: string } = {}): Promise<Answer> {
    return { view: await this.#options.overview.view(visit, sent, said) };
  }

  async #change(visit: Visit, sent: Sent, done: Notice, run: (local: string) => Promise<void>): Promise<Answer> {
    await run(visit.jid.local);
    this.#notices.changed(visit.jid, done);
    return this.#show(visit, sent, { done: sent.texts.notices[done] });
  }

  async #app(visit: Visit, { texts }: Sent, secret: string, error?: string): Promise<Answer> {
    const { visits, siteName } = this.#options;
    const { jid } = visit;
    const state = this.#setups.issue(APP, { secret, local: jid.local });
    const uri = totpUri(secret, { issuer: siteName, account: jid.toString() });
    const token = visits.ticket('account', visit);
    return { view: appView(texts, { token, state, uri, secret, error }), ...(error !== undefined && { status: 403 }) };
  }

  async #confirmApp(visit: Visit, sent: Sent): Promise<Answer> {
    const { local } = visit.jid;
    const { secret, local: owner } = this.#setups.read(APP, sent.form.get('state')) ?? {};
    if (typeof secret !== 'string' || owner !== local) return this.#app(visit, sent, newTotpSecret());
    const isRight = await this.#options.book.setTotp(local, secret, sent.form.get('code') ?? '');
    if (!isRight) return this.#app(visit, sent, secret, sent.texts.app.wrong);
    this.#notices.changed(visit.jid, 'appOn');
    return this.#afterFactor(visit, sent, sent.texts.notices.appOn);
  }

  /** Whoever has a first factor is given recovery codes, and need not log in again with it. */
  async #afterFactor(visit: Visit, sent: Sent, done: string): Promise<Answer> {
    const proved = { ...visit, isProved: true };
    const { recoveryCodes } = await this.#options.proofs.of(visit.jid.local);
    return recoveryCodes === 0 ? this.#makeCodes(proved, sent, done) : this.#show(proved, sent, { done });
  }

  async #makeCodes(visit: Visit, { texts }: Sent, done?: string): Promise<Answer> {
    const { book, visits } = this.#options;
    const codes = await book.makeRecoveryCodes(visit.jid.local);
    this.#notices.changed(visit.jid, 'recoveryCodes');
    return { view: codesView(texts, { token: visits.ticket('account', visit), codes, done }) };
  }

  async #newPasskey(visit: Visit, sent: Sent, error?: string): Promise<Answer> {
    const { proofs, visits } = this.#options;
    const passkey = await proofs.newPasskey(visit.jid, sent.origin);
    if (passkey === undefined) return this.#show(visit, sent, { error: sent.texts.factors.noPasskeysHere });
    const token = visits.ticket('account', visit);
    return { view: newPasskeyView(sent.texts, { token, passkey, error }), ...(error !== undefined && { status: 403 }) };
  }

  async #addPasskey(visit: Visit, sent: Sent): Promise<Answer> {
    const { form, origin, texts } = sent;
    const made = {
      state: form.get('state') ?? '',
      response: form.get('response') ?? '',
      name: form.get('name') ?? '',
      origin,
    };
    try {
      const isAdded = await this.#options.proofs.addPasskey(visit.jid, made);
      if (!isAdded) return await this.#newPasskey(visit, sent, texts.passkey.refused);
    } catch (error) {
      if (!(error instanceof StanzaError)) throw error;
      const isFull = error.condition === 'resource-constraint';
      return this.#show(visit, sent, { error: isFull ? texts.passkey.tooMany : texts.passkey.refused });
    }
    this.#notices.changed(visit.jid, 'passkeyAdded');
    return this.#afterFactor(visit, sent, texts.notices.passkeyAdded);
  }

  async #revoke(visit: Visit, sent: Sent): Promise<Answer> {
    const { host } = this.#options;
    const { notices } = sent.texts;
    const { jid } = visit;
    try {
      const revoked = await host.find(clientAccess)?.revoke(jid.local, sent.form.get('id') ?? '');
      host.log.info('client.revoked', { jid: jid.toString(), ...revoked });
      const needsNewPassword = revoked?.needsNewPassword === true;
      return this.#show(
        visit,
        sent,
        needsNewPassword ? { error: notices.revokedButPassword } : { done: notices.revoked },
      );
    } catch (error) {
      if (error instanceof StanzaError && error.condition === 'item-not-found') {
        return this.#show(visit, sent, { done: notices.gone });
      }
      throw error;
    }
  }

  async #setPassword(visit: Visit, sent: Sent): Promise<Answer> {
    const { host } = this.#options;
    const { form, texts } = sent;
    const { jid } = visit;
    if (!host.settings.current.registration.allowPasswordChange) return this.#show(visit, sent);
    const next = form.get('next') ?? '';
    if (next !== (form.get('again') ?? '')) return this.#show(visit, sent, { error: texts.password.different });
    try {
      if (!visit.byPasskey) await this.#checkCurrent(visit, sent);
      await host.users.setPassword(jid.local, next);
    } catch (error) {
      if (error instanceof SaslError) return this.#wrongPassword(visit, sent, error);
      if (!(error instanceof StanzaError)) throw error;
      const isUnusable = error.condition === 'not-acceptable';
      return this.#show(visit, sent, { error: isUnusable ? texts.password.unusable : texts.login.throttled });
    }
    host.log.info('account.password-changed', { jid: jid.toString() });
    const { passwordUpdatedAt } = (await host.users.get(jid.local)) ?? visit;
    return this.#show({ ...visit, passwordUpdatedAt }, sent, { done: texts.notices.passwordChanged });
  }

  async #checkCurrent({ jid }: Visit, { form, address }: Sent): Promise<void> {
    const password = form.get('current') ?? '';
    await this.#options.host.logins.password({ username: jid.local, password, address });
  }

  async #wrongPassword(visit: Visit, sent: Sent, refused: SaslError): Promise<Answer> {
    const { texts } = sent;
    const refusal = loginRefusal(refused, this.#options.host.settings.current);
    const error = refusal.status === 429 ? texts.login.throttled : texts.password.wrong;
    return { ...(await this.#show(visit, sent, { error })), ...refusal };
  }
}
