import type { FeatureHost } from '../../core/feature.ts';
import { TokenBucket } from '../../net/rate.ts';
import { message, Payload } from '../../stanza.ts';
import { LruCache } from '../../util/lru.ts';
import { el } from '../../xml/element.ts';
import { type ClientAgent, newClient } from './api.ts';

/** Who makes up new clients all the time does not fill the others' screens: so many at once, then one each ten minutes. */
const RATE = { perSecond: 1 / 600, burst: 5 };
/** Beyond it the account that was quiet for longest is forgotten, and begins anew. */
const MAX_ACCOUNTS = 10_000;

/** Tells the other sessions of an account when a client logs in to it for the first time; of all clients, or those with an id. */
export function announceNewClients(host: FeatureHost, which: 'all' | 'identified'): void {
  const buckets = new LruCache<string, TokenBucket>(MAX_ACCOUNTS);
  host.observe(newClient, ({ jid, handle, agent, isLegacy, owns }) => {
    if (isLegacy && which === 'identified') return;
    const others = [...(host.account(jid.local)?.sessions.values() ?? [])].filter((session) => !owns(session));
    if (others.length === 0) return;
    const now = host.clock.monotonic();
    const bucket = buckets.get(jid.local) ?? new TokenBucket(RATE, now);
    buckets.set(jid.local, bucket);
    if (!bucket.take(1, now)) return;
    const payload = new Payload([el('subject', {}, 'New login'), el('body', {}, noticeText(agent, handle))]);
    for (const session of others) {
      host.deliver(session, message({ type: 'headline', from: host.jid, to: session.jid, payload }));
    }
  });
}

function noticeText({ software, device }: ClientAgent, handle: string): string {
  const name = [software ?? 'A client', device === undefined ? '' : `on ${device}`].join(' ').trim();
  return (
    `${oneLine(name)} has logged in to your account for the first time. If that was not you, change your password, and ` +
    `take its access away where your own client lists the clients of your account (it is client/${handle} there), or ` +
    'ask your administrator to do so.'
  );
}

// What a client says of itself must not look like a text of ours.
function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\s]+/gu, ' ');
}
