import type { Feature, FeatureHost } from '../core/feature.ts';
import { can, type Permission } from '../core/roles.ts';
import { StanzaError } from '../errors.ts';
import { JID, JidError } from '../jid.ts';
import { addressGroup } from '../net/address.ts';
import { TokenBucket } from '../net/rate.ts';
import { type Iq, resultFor } from '../stanza.ts';
import type { StreamKind } from '../stream/negotiation.ts';
import { AUTHENTICATED, SECURE } from '../stream/stream.ts';
import { LruCache } from '../util/lru.ts';
import { child, type Element, el, elements, text } from '../xml/element.ts';
import { inputForm, submittedFields } from './shared/data-form.ts';

const NS = 'jabber:iq:register';
const NS_STREAM_FEATURE = 'http://jabber.org/features/iq-register';

/** Beyond it the address that was quiet for longest is forgotten, and begins anew. */
const MAX_ADDRESSES = 16_384;

/** Lets people make an account, if the operator wants that, and users change their password and leave. XEP-0077. */
export const register: Feature = {
  name: 'register',
  specs: [{ xep: 77, version: '2.4', note: 'user name and password, no redirection' }],
  setup(host) {
    offerRegistration(host);
    for (const to of ['host', 'self'] as const) {
      host.handle({ type: 'get', ns: NS, name: 'query', to }, async ({ from }) => {
        await checkRegistered(host, from);
        return el('query', { xmlns: NS }, el('registered'), el('username', {}, from.local), el('password'));
      });
      host.handle({ type: 'set', ns: NS, name: 'query', to, permission: null }, async ({ iq, from, payload }) => {
        await checkRegistered(host, from);
        const isRemoval = child(payload, 'remove') !== undefined;
        requirePermission(host, from, isRemoval ? 'delete-account' : 'change-password');
        if (!isRemoval) return changePassword(host, from, payload);
        if (elements(payload).length > 1) throw new StanzaError('bad-request');
        return removeAccount(host, from, iq);
      });
    }
  },
};

/** Registers strangers before they log in: §3.1. */
function offerRegistration(host: FeatureHost): void {
  const attempts = new LruCache<string, TokenBucket>(MAX_ADDRESSES);
  const isOffered = ({ bits }: StreamKind): boolean => {
    const { registration, c2s } = host.settings.current;
    return registration.enabled && (!c2s.requireEncryption || (bits & SECURE) !== 0);
  };
  host.negotiate({
    name: 'register',
    needs: 0,
    excludes: AUTHENTICATED,
    offer: (kind) => (isOffered(kind) ? el('register', { xmlns: NS_STREAM_FEATURE }) : undefined),
    acceptsIq: { ns: NS, name: 'query' },
    async accept(client, query) {
      const { request, stream, remoteAddress } = client;
      if (request?.id === undefined) throw new StanzaError('bad-request');
      if (!isOffered(stream)) throw new StanzaError('service-unavailable');
      if (request.type === 'get') {
        stream.send(resultFor(request, registrationFields()).toString());
      } else {
        const { username, password } = credentials(query, 'not-acceptable');
        takeAttempt(host, attempts, remoteAddress);
        const { jid } = await host.users.create(username, password);
        host.log.info('account.registered', { jid: jid.toString(), address: remoteAddress });
        stream.send(resultFor(request).toString());
      }
    },
  });
}

/** As a form too (§4): there are clients that show nothing else. */
function registrationFields(): Element {
  const instructions = 'Choose a user name and a password.';
  const form = inputForm(NS, instructions, [
    { name: 'username', type: 'text-single', label: 'User name' },
    { name: 'password', type: 'text-private', label: 'Password' },
  ]);
  return el('query', { xmlns: NS }, el('instructions', {}, instructions), el('username'), el('password'), form);
}

function credentials(query: Element, otherwise: 'not-acceptable' | 'bad-request') {
  const form = submittedFields(query);
  const username = form === undefined ? text(child(query, 'username')) : (form.get('username') ?? '');
  const password = form === undefined ? text(child(query, 'password')) : (form.get('password') ?? '');
  if (username === '' || password === '') {
    throw new StanzaError(otherwise, { text: 'a user name and a password are needed' });
  }
  return { username, password };
}

/** Counts failures too: otherwise anyone could try out which user names are taken. */
function takeAttempt(host: FeatureHost, attempts: LruCache<string, TokenBucket>, address: string): void {
  const quota = host.settings.current.registration.rateLimit;
  if (quota === null) return;
  const now = host.clock.monotonic();
  const rate = { perSecond: (quota.count * 1000) / quota.perMs, burst: quota.count };
  const group = addressGroup(address);
  const bucket = attempts.get(group) ?? new TokenBucket(rate, now);
  attempts.set(group, bucket);
  bucket.change(rate, now);
  if (!bucket.take(1, now)) throw new StanzaError('resource-constraint', { text: 'too many registrations; try later' });
}

async function checkRegistered(host: FeatureHost, from: JID): Promise<void> {
  const isRegistered = from.domain === host.domain && (await host.users.exists(from.local));
  if (!isRegistered) throw new StanzaError('registration-required');
}

function requirePermission(host: FeatureHost, from: JID, permission: Permission): void {
  const login = host.account(from.local)?.sessions.get(from.resource)?.login;
  if (login === undefined || !can(login.role, permission)) throw new StanzaError('forbidden');
}

/** §3.3. This session stays: whoever uses it knows the new password. */
async function changePassword(host: FeatureHost, from: JID, query: Element): Promise<void> {
  if (!host.settings.current.registration.allowPasswordChange) {
    throw new StanzaError('not-allowed', { text: 'users cannot change their passwords here' });
  }
  const { username, password } = credentials(query, 'bad-request');
  if (!isLocalpartOf(from, username)) throw new StanzaError('not-allowed', { text: 'this is the account of another' });
  await host.users.setPassword(from.local, password, from);
  host.log.info('account.password-changed', { jid: from.bare().toString() });
}

function isLocalpartOf(account: JID, username: string): boolean {
  try {
    return JID.of(username, account.domain).local === account.local;
  } catch (error) {
    if (error instanceof JidError) return false;
    throw error;
  }
}

/** §3.2. The answer has to leave before the stream that it leaves on is closed with `not-authorized`. */
async function removeAccount(host: FeatureHost, from: JID, request: Iq): Promise<void> {
  const session = host.account(from.local)?.sessions.get(from.resource);
  await host.removeUser(from.local, () => {
    if (session !== undefined) host.deliver(session, resultFor(request));
  });
  host.log.info('account.removed', { jid: from.bare().toString() });
}
