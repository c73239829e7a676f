import type { Account } from '../core/account.ts';
import type { Host } from '../core/host.ts';
import { type InlineBinding, type InlineFeature, inlineBinding } from '../core/inline.ts';
import { resumption } from '../core/resumption.ts';
import { can } from '../core/roles.ts';
import type { Session } from '../core/session.ts';
import { StanzaError, StreamError } from '../errors.ts';
import type { JID } from '../jid.ts';
import type { AuthenticateRequest } from '../sasl/authenticate.ts';
import { isPromise } from '../util/awaitable.ts';
import { child, type Element, el, text } from '../xml/element.ts';
import { NS_STANZAS } from '../xml/ns.ts';
import type { ClientConnection } from './connection.ts';

/** Stream management. XEP-0198. */
export const NS_SM = 'urn:xmpp:sm:3';
const NS_BIND2 = 'urn:xmpp:bind:0';

/** What says that resources can be bound along with the login, and what can be had with them. XEP-0386 §3. */
export function bindOffer(host: Host): Element {
  const names = host.inlineFeatures.flatMap(({ name }) => name ?? []);
  if (host.services.has(resumption)) names.push(NS_SM);
  const inline = el('inline', {}, ...names.map((name) => el('feature', { var: name })));
  return el('bind', { xmlns: NS_BIND2 }, names.length === 0 ? undefined : inline);
}

/**
 * Binds the resource that a login asks for. Returns `<bound/>` or `<failed/>`, or undefined when none is asked for: without
 * a resource the login is good all the same, and the client may bind one by RFC 6120 §7. XEP-0386 §4.
 */
export async function bindInline(
  connection: ClientConnection,
  account: JID,
  { clientId, element }: AuthenticateRequest,
): Promise<Element | undefined> {
  const { host } = connection;
  const request = child(element, 'bind', NS_BIND2);
  if (request === undefined || !host.services.has(inlineBinding)) return undefined;
  const pinned = connection.login?.resource;
  const names = host.services.use(inlineBinding);
  const jid =
    pinned === undefined
      ? names.addressOf(account, clientId, text(child(request, 'tag')))
      : account.withResource(pinned);
  const bindings: InlineBinding[] = [];
  let enabled: Element | undefined;
  try {
    await host.sessions.bind(jid, connection, connection.isAnonymous, ({ account, session }) => {
      connection.bound(account, session);
      // At once: whatever the session is sent from now on, the client receives it after `<enabled/>`, and counts it.
      enabled = enableInline(connection, request);
      endOthers(host, account, session);
      bindings.push({ account, session, stream: connection, request });
    });
  } catch (error) {
    if (!(error instanceof StanzaError)) throw error;
    return el('failed', { xmlns: NS_BIND2 }, el(error.condition, { xmlns: NS_STANZAS }));
  }
  connection.log.info('session.bound', { jid: jid.toString() });
  const results: (Element | undefined)[] = [];
  for (const binding of bindings) results.push(...(await inlineResults(connection, binding)));
  return el('bound', { xmlns: NS_BIND2 }, ...results, enabled);
}

function enableInline(connection: ClientConnection, request: Element): Element | undefined {
  const { services } = connection.host;
  const enable = child(request, 'enable', NS_SM);
  if (enable === undefined || !services.has(resumption)) return undefined;
  return services.use(resumption).enable(connection, enable);
}

/** Ends what is left of the same client's earlier sessions. XEP-0386 §4. */
function endOthers(host: Host, account: Account, session: Session): void {
  const clientId = session.login?.clientId;
  if (clientId === undefined) return;
  for (const other of [...account.sessions.values()]) {
    if (other === session || other.login?.clientId !== clientId) continue;
    host.sessions.kick(account, other, new StreamError('conflict', { text: 'your client has connected anew' }));
  }
}

function mayHave({ login }: Session, { permission }: InlineFeature): boolean {
  return permission === undefined || (login !== undefined && can(login.role, permission));
}

async function inlineResults(connection: ClientConnection, binding: InlineBinding): Promise<(Element | undefined)[]> {
  const { host } = connection;
  const results: (Element | undefined)[] = [];
  for (const feature of host.inlineFeatures) {
    if (!mayHave(binding.session, feature)) continue;
    try {
      const result = feature.bound(binding);
      results.push(isPromise(result) ? await result : result);
    } catch (error) {
      connection.log.error('bug', { where: `inline/${feature.name}` }, error);
    }
  }
  return results;
}
