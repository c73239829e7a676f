import type { FeatureHost } from '../../core/feature.ts';
import type { JID } from '../../jid.ts';
import { TokenBucket } from '../../net/rate.ts';
import { message, Payload } from '../../stanza.ts';
import { LruCache } from '../../util/lru.ts';
import { el } from '../../xml/element.ts';

/** What the owner of an account is told on all devices, by what was changed; of the rest, nothing. */
const NOTICES: Readonly<Record<string, string>> = {
  appOn: 'An authenticator app was set up for your account.',
  appOff: 'The authenticator app of your account was switched off.',
  passkeyAdded: 'A passkey was added to your account.',
  passkeyRemoved: 'A passkey of your account was removed.',
  recoveryCodes: 'New recovery codes were made for your account.',
  appsOn: 'Your account lets in only approved apps from now on.',
  appsOff: 'Your account lets clients in with the password again.',
};

const ADVICE = 'If that was not you, change your password and look at what has access to your account.';

/** Nobody fills others' screens: so many at once, then one each ten minutes. */
const RATE = { perSecond: 1 / 600, burst: 10 };
/** Beyond it the account that was quiet for longest is forgotten, and begins anew. */
const MAX_ACCOUNTS = 10_000;

/** Writes changes of what protects accounts to the log, and tells their owners: it may have been somebody else. */
export class ChangeNotices {
  readonly #host: FeatureHost;
  readonly #buckets = new LruCache<string, TokenBucket>(MAX_ACCOUNTS);

  constructor(host: FeatureHost) {
    this.#host = host;
  }

  changed(jid: JID, change: string): void {
    this.#host.log.info('account.second-factor-changed', { jid: jid.toString(), change });
    const notice = NOTICES[change];
    const sessions = [...(this.#host.account(jid.local)?.sessions.values() ?? [])];
    if (notice === undefined || sessions.length === 0 || !this.#mayTell(jid.local)) return;
    const texts = [el('subject', {}, 'Your account was changed'), el('body', {}, `${notice} ${ADVICE}`)];
    const payload = new Payload(texts);
    for (const session of sessions) {
      this.#host.deliver(session, message({ type: 'headline', from: this.#host.jid, to: session.jid, payload }));
    }
  }

  #mayTell(local: string): boolean {
    const now = this.#host.clock.monotonic();
    const bucket = this.#buckets.get(local) ?? new TokenBucket(RATE, now);
    this.#buckets.set(local, bucket);
    return bucket.take(1, now);
  }
}
