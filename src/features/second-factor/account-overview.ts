import { bearerTokens } from '../../core/access.ts';
import type { FeatureHost } from '../../core/feature.ts';
import { clientAccess } from '../client-management/api.ts';
import type { Sent } from './account-forms.ts';
import type { View } from './account-views.ts';
import type { FactorBook } from './factor-book.ts';
import { overviewView } from './overview-view.ts';
import type { Proofs } from './proofs.ts';
import type { Visit, Visits } from './visits.ts';

export interface AccountOverviewOptions {
  readonly host: FeatureHost;
  readonly book: FactorBook;
  readonly proofs: Proofs;
  readonly visits: Visits;
}

/** Gathers what somebody sees who has logged in. */
export class AccountOverview {
  readonly #options: AccountOverviewOptions;

  constructor(options: AccountOverviewOptions) {
    this.#options = options;
  }

  /** The page, with what was done, or what went wrong, just now. */
  async view(
    visit: Visit,
    { texts, origin, when }: Pick<Sent, 'texts' | 'origin' | 'when'>,
    { done, error }: { readonly done?: string; readonly error?: string } = {},
  ): Promise<View> {
    const { host, book, proofs, visits } = this.#options;
    const { local } = visit.jid;
    const allowsPasswords = host.settings.current.registration.allowPasswordChange;
    return overviewView(texts, {
      jid: visit.jid.toString(),
      token: visits.ticket('account', visit),
      done,
      error,
      factors: await proofs.of(local),
      passkeys: (await book.get(local))?.passkeys ?? [],
      hasPasskeys: proofs.hasPasskeys(origin),
      hasApprovedApps: host.find(bearerTokens) !== undefined,
      clients: await host.find(clientAccess)?.list(local),
      password: !allowsPasswords ? 'fixed' : visit.byPasskey ? 'known' : 'asked',
      when,
    });
  }
}
