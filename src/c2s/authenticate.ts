import { type FastLogin, fast } from '../core/fast.ts';
import { inlineBinding, inlineLogin } from '../core/inline.ts';
import { identifiedClientsOnly, type Login } from '../core/login.ts';
import { type Resumed, resumption } from '../core/resumption.ts';
import type { JID } from '../jid.ts';
import { type AuthenticateRequest, NS_FAST, NS_SASL2 } from '../sasl/authenticate.ts';
import { isHtUsable } from '../sasl/ht.ts';
import { failure, type Proven, Sasl2, success } from '../sasl/sasl2.ts';
import { StoreError } from '../store/store.ts';
import type { StreamFeature } from '../stream/negotiation.ts';
import { AUTHENTICATED } from '../stream/stream.ts';
import { type Awaitable, isPromise } from '../util/awaitable.ts';
import { attr, child, type Element, el, serialize } from '../xml/element.ts';
import { bindInline, bindOffer, NS_SM } from './bind2.ts';
import type { ClientConnection } from './connection.ts';
import { announceLogin, authenticationOptions, loggedIn, saslContext } from './login.ts';
import { NS_PIPELINING } from './offers.ts';
import { type Offer, xmlLimits } from './service.ts';

const ENCRYPT_FIRST = failure({ condition: 'encryption-required', text: undefined });
const NOT_OFFERED = failure({ condition: 'invalid-mechanism', text: undefined });
const OFFER_CHANGED = failure(
  { condition: 'aborted', text: 'What is offered has changed.' },
  el('config-version-mismatch', { xmlns: NS_PIPELINING }),
);

/** SASL that does everything at once: log in, take a session up again or bind a resource, and get a token. XEP-0388. */
export const authentication: StreamFeature<ClientConnection> = {
  name: 'sasl2',
  needs: 0,
  excludes: AUTHENTICATED,
  accepts: NS_SASL2,
  offer: (connection) => (connection.secure ? loginOf(connection)?.offer(inlineOffers(connection)) : undefined),
  accept(connection, element) {
    if (!connection.secure) return connection.send(serialize(ENCRYPT_FIRST));
    return handle(connection, element);
  },
};

function loginOf(connection: ClientConnection): Sasl2<FastLogin> | undefined {
  const { service, host } = connection;
  const { services } = host;
  if (!services.has(inlineLogin)) return undefined;
  const { upgrades } = services.use(inlineLogin);
  const tokens = services.has(fast) ? services.use(fast) : undefined;
  connection.inlineLogin ??= new Sasl2({
    ...authenticationOptions(connection),
    // So many failures are answered; the next one ends the stream.
    maxFailures: service.settings.current.auth.maxFailuresPerStream + 1,
    expected: connection.claimed,
    needsClientId: services.has(identifiedClientsOnly),
    upgrades: upgrades ? host.users : undefined,
    tokens: tokens && ((clientId, use) => tokens.attempt(clientId, use)),
  });
  return connection.inlineLogin;
}

function inlineOffers({ host }: ClientConnection): Element[] {
  const offers: Element[] = [];
  if (host.services.has(inlineBinding)) offers.push(bindOffer(host));
  if (host.services.has(resumption)) offers.push(el('sm', { xmlns: NS_SM }));
  return offers;
}

async function handle(connection: ClientConnection, element: Element): Promise<void> {
  const at = connection.service.clock.now();
  const login = loginOf(connection);
  if (login === undefined) return connection.send(serialize(NOT_OFFERED));
  const begins = !login.isBusy && element.name === 'authenticate';
  if (begins && isMistaken(element, connection.offer)) return connection.send(serialize(OFFER_CHANGED));
  const result = await login.handle(element);
  if (result.proven !== undefined) return complete(connection, result.proven, at);
  const limits = xmlLimits(connection.service.settings.current.limits, false);
  connection.stream.setLimits({ ...limits, refusesSpace: login.isBusy });
  connection.send(serialize(result.reply));
}

/** Whether a client logs in on the strength of an offer that is not made any more; that counts as no failure. XEP-0509 §5. */
function isMistaken(authenticate: Element, offer: Offer | undefined): boolean {
  const known = child(authenticate, 'config-version', NS_PIPELINING);
  return known !== undefined && offer?.version !== undefined && attr(known, 'value') !== offer.version;
}

/** What follows when the client has proved who it is, in the order of the specifications. No stream restart. XEP-0388 §2.4.1. */
async function complete(connection: ClientConnection, proven: Proven<FastLogin>, at: number): Promise<void> {
  const { jid, anonymous, request, token, data } = proven;
  const login = await loggedIn(connection, { ...proven, at, derivedFrom: token?.derivedFrom });
  connection.authenticated(jid, login, anonymous);
  connection.hold();
  let resumed: Resumed | undefined;
  try {
    const resuming = resume(connection, request);
    resumed = isPromise(resuming) ? await resuming : resuming;
    const bound = resumed?.isResumed === true ? undefined : await bindInline(connection, jid, request);
    const wanted = wantedToken(connection, proven);
    const issued = wanted && (await issueToken(connection, wanted));
    await announceLogin(connection, jid, login);
    // It may have gone meanwhile.
    if (!connection.stream.isOpen) return connection.closing({ kind: 'lost' });
    const identifier = resumed?.isResumed === true ? resumed.jid : (connection.session?.jid ?? jid);
    connection.stream.send(serialize(success(data, identifier, [resumed?.answer, bound, issued])));
    // A session that goes on has negotiated its stream already. XEP-0198 §9.
    if (resumed?.isResumed !== true) connection.sendFeatures();
  } finally {
    if (resumed?.isResumed === true) resumed.complete();
    connection.release();
  }
}

function resume(connection: ClientConnection, { element }: AuthenticateRequest): Awaitable<Resumed | undefined> {
  const { services } = connection.host;
  const request = child(element, 'resume', NS_SM);
  if (request === undefined || !services.has(resumption)) return undefined;
  return services.use(resumption).resume(connection, request);
}

/** A token that a client is to get. */
interface WantedToken {
  readonly jid: JID;
  readonly clientId: string;
  readonly mechanism: string;
  readonly login: Login;
}

/** The token that the client asks for, or one in the place of that which it used when it is time. XEP-0484 §3. */
function wantedToken(connection: ClientConnection, proven: Proven<FastLogin>): WantedToken | undefined {
  const { jid, anonymous, request, token } = proven;
  const { clientId, requestToken } = request;
  const isRenewed = token?.isDue === true && request.fast?.invalidate !== true;
  const mechanism = requestToken ?? (isRenewed ? proven.mechanism : undefined);
  const { login } = connection;
  if (mechanism === undefined || clientId === undefined || login === undefined || anonymous) return undefined;
  const isUsable = connection.host.services.has(fast) && isHtUsable(mechanism, saslContext(connection));
  return isUsable ? { jid, clientId, mechanism, login } : undefined;
}

async function issueToken(connection: ClientConnection, wanted: WantedToken): Promise<Element | undefined> {
  const { jid, clientId, mechanism, login } = wanted;
  try {
    const issued = await connection.host.services.use(fast).issue(jid, clientId, mechanism, login);
    if (issued === undefined) return undefined;
    const expiry = new Date(issued.expiresAt).toISOString();
    return el('token', { xmlns: NS_FAST, token: issued.token, expiry });
  } catch (error) {
    // The login is good without a token too.
    if (!(error instanceof StoreError)) throw error;
    connection.log.error('fast.not-stored', { jid: jid.toString() }, error);
    return undefined;
  }
}
