import { createHmac } from 'node:crypto';
import { fields, flag, integer, listOf, maybe, milliseconds, oneOf, secret, text } from '../config/kinds.ts';
import { type ConfigOf, option, section } from '../config/schema.ts';
import type { Secret } from '../config/secret.ts';
import type { Feature, FeatureHost } from '../core/feature.ts';
import { can } from '../core/roles.ts';
import type { Session } from '../core/session.ts';
import { StanzaError } from '../errors.ts';
import type { JID } from '../jid.ts';
import { iq, Payload } from '../stanza.ts';
import { ownCopy } from '../util/own-copy.ts';
import { attr, children, type Element, el } from '../xml/element.ts';
import { dateTime } from './shared/date-time.ts';

const NS = 'urn:xmpp:extdisco:2';

/** For how long credentials are good unless configured otherwise: those of a call last as long as the call. */
const DEFAULT_TTL_MS = 24 * 3_600_000;
/** How many types of services a session is told changes of. */
const MAX_TYPES = 8;
/** How long the names of these may be, in characters. */
const MAX_TYPE_LENGTH = 64;
const NO_TYPES: readonly string[] = [];
/** How much of a hash tells users apart without telling who they are, in characters of base64url: 96 bits. */
const USER_CHARS = 16;

const service = fields('a service, {"type": "turn", "host": "turn.example.org", …}', {
  type: text('a type of service, such as "stun", "turn" or "turns"'),
  host: text('a domain or an IP address'),
  port: maybe(integer(1, 65_535)),
  transport: maybe(oneOf('udp', 'tcp')),
  name: maybe(text()),
  restricted: maybe(flag()),
  username: maybe(text()),
  password: maybe(secret()),
  secret: maybe(secret()),
  ttlMs: maybe(milliseconds(60_000)),
});

const config = section('Services outside of XMPP that clients are told of, such as those that calls need (XEP-0215).', {
  services: option(listOf(service, 'a list of services'), {
    default: [],
    doc: 'Each has a `type` (`stun`, `turn`, `turns`, …) and a `host`, and may have a `port`, a `transport` (`udp` or `tcp`) and a `name` for people. `username` and `password` are given to every client as they are; with `secret` instead, the one that coturn has as `static-auth-secret`, each client gets credentials of its own, good for `ttlMs` (a day). `restricted` says that a service needs credentials that clients have from elsewhere; those that are given here say so by themselves. See docs/calls.md.',
    reload: 'live',
  }),
});

type Options = ConfigOf<typeof config>;
type Service = Options['services'][number];

/** Tells clients of services outside of XMPP, with credentials for them: XEP-0215. */
export const externalServices: Feature<Options> = {
  name: 'externalServices',
  specs: [{ xep: 215, version: '1.0.0', note: 'for the users of the host' }],
  config,
  setup(host, options) {
    let { services } = options;
    // The types that a session has asked for; an empty one stands for all.
    const asked = host.sessionSlot(() => NO_TYPES);
    host.handle({ type: 'get', ns: NS, name: 'services', to: 'host' }, ({ from, payload }) => {
      const session = sessionOf(host, from);
      const type = attr(payload, 'type');
      remember(asked.of(session), type ?? '', (types) => asked.set(session, types));
      return servicesElement(
        services.filter(isOf(type)).map((one) => describe(one, host, from)),
        type,
      );
    });
    host.handle({ type: 'get', ns: NS, name: 'credentials', to: 'host' }, ({ from, payload }) => {
      sessionOf(host, from);
      return el('credentials', { xmlns: NS }, ...credentials(services, payload, host, from));
    });
    return {
      configure(changed) {
        const news = changesBetween(services, changed.services);
        services = changed.services;
        if (news.length > 0) push(host, news, (session) => asked.of(session));
      },
    };
  },
};

/** Only users of this host have what the operator pays for. Throws StanzaError `forbidden`. */
function sessionOf(host: FeatureHost, from: JID): Session {
  const account = from.domain === host.domain ? host.account(from.local) : undefined;
  const session = account?.sessions.get(from.resource);
  if (session?.login === undefined || !can(session.login.role, 'communicate')) throw new StanzaError('forbidden');
  return session;
}

function isOf(type: string | undefined): (one: { readonly type: string }) => boolean {
  return (one) => type === undefined || one.type === type;
}

// Types that the operator has not configured are remembered too: they may be, one day.
function remember(types: readonly string[], type: string, set: (types: readonly string[]) => void): void {
  if (types.includes(type) || types.length >= MAX_TYPES || type.length > MAX_TYPE_LENGTH) return;
  set([...types, ownCopy(type)]);
}

/** The services that match those asked for, with their credentials. §3.3. Throws StanzaError. */
function credentials(services: readonly Service[], payload: Element, host: FeatureHost, from: JID): Element[] {
  const wanted = children(payload, 'service');
  if (wanted.length === 0) throw new StanzaError('bad-request', { text: 'name a service' });
  const found = new Set<Service>();
  for (const one of wanted) {
    if (attr(one, 'host') === undefined || attr(one, 'type') === undefined) {
      throw new StanzaError('bad-request', { text: 'a service is named by its host and type' });
    }
    for (const known of services) if (hasCredentials(known) && isMeant(known, one)) found.add(known);
  }
  if (found.size === 0) throw new StanzaError('item-not-found');
  return [...found].map((known) => describe(known, host, from));
}

function isMeant(known: Service, wanted: Element): boolean {
  const isSame = (name: 'host' | 'port' | 'transport' | 'type'): boolean => {
    const given = attr(wanted, name);
    return given === undefined || given === String(known[name] ?? '');
  };
  return isSame('host') && isSame('type') && isSame('port') && isSame('transport');
}

function hasCredentials({ secret, username, password }: Service): boolean {
  return secret !== undefined || username !== undefined || password !== undefined;
}

function servicesElement(services: readonly Element[], type: string | undefined): Element {
  return el('services', { xmlns: NS, type }, ...services);
}

function describe(one: Service, host: FeatureHost, user: JID, action?: Action): Element {
  const isRestricted = hasCredentials(one) ? true : one.restricted;
  return el('service', {
    ...identityOf(one),
    action,
    name: one.name,
    restricted: isRestricted === undefined ? undefined : String(isRestricted),
    ...credentialsFor(one, host, user),
  });
}

function identityOf({ type, host, port, transport }: Service) {
  return { type, host, port: port === undefined ? undefined : String(port), transport };
}

/**
 * What coturn calls the REST API for TURN: the name says until when it is good, and the password is its HMAC. Behind the
 * time there is a name that is always the same for one user, so that quotas of users work, and tells nobody who it is.
 */
function credentialsFor(one: Service, { clock }: FeatureHost, user: JID): Readonly<Record<string, string | undefined>> {
  if (one.secret === undefined) return { username: one.username, password: one.password?.reveal() };
  const key = one.secret.reveal();
  const until = Math.floor((clock.now() + (one.ttlMs ?? DEFAULT_TTL_MS)) / 1000);
  const pseudonym = createHmac('sha256', key).update(`user ${user.bare()}`).digest('base64url').slice(0, USER_CHARS);
  const username = `${until}:${pseudonym}`;
  const password = createHmac('sha1', key).update(username).digest('base64');
  return { username, password, expires: dateTime(until * 1000) };
}

type Action = 'add' | 'delete' | 'modify';

interface Change {
  readonly action: Action;
  readonly service: Service;
}

/** What has become of the services of one configuration in the next. §3.2. */
function changesBetween(before: readonly Service[], after: readonly Service[]): readonly Change[] {
  const old = new Map(before.map((one) => [keyOf(one), one]));
  const current = new Map(after.map((one) => [keyOf(one), one]));
  const changes: Change[] = [];
  for (const [key, one] of old) if (!current.has(key)) changes.push({ action: 'delete', service: one });
  for (const [key, one] of current) {
    const was = old.get(key);
    if (was === undefined) changes.push({ action: 'add', service: one });
    else if (!isSame(was, one)) changes.push({ action: 'modify', service: one });
  }
  return changes;
}

function keyOf(one: Service): string {
  return JSON.stringify(identityOf(one));
}

function isSame(a: Service, b: Service): boolean {
  return (
    a.name === b.name &&
    a.restricted === b.restricted &&
    a.username === b.username &&
    a.ttlMs === b.ttlMs &&
    isSameSecret(a.password, b.password) &&
    isSameSecret(a.secret, b.secret)
  );
}

function isSameSecret(a: Secret | undefined, b: Secret | undefined): boolean {
  return a === undefined || b === undefined ? a === b : a.equals(b);
}

/** Tells the sessions that have asked for services what has changed, each in the terms that it asked in. §3.2. */
function push(host: FeatureHost, changes: readonly Change[], askedBy: (session: Session) => readonly string[]): void {
  for (const account of host.accounts()) {
    for (const session of account.sessions.values()) {
      const types = askedBy(session);
      // Who asked for all of them needs to be told nothing twice.
      for (const type of types.includes('') ? [undefined] : types) pushTo(host, session, changes, type);
    }
  }
}

function pushTo(host: FeatureHost, session: Session, changes: readonly Change[], type: string | undefined): void {
  const news = changes
    .filter(({ service: one }) => isOf(type)(one))
    .map(({ action, service: one }) =>
      action === 'delete' ? el('service', { ...identityOf(one), action }) : describe(one, host, session.jid, action),
    );
  if (news.length === 0) return;
  const payload = new Payload([servicesElement(news, type)]);
  const request = iq({ type: 'set', from: host.jid, to: session.jid, payload });
  // A client that makes nothing of it goes on with what it has.
  host.request(request).catch(() => {});
}
