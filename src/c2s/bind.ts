import { requestPayload } from '../core/iq.ts';
import { can } from '../core/roles.ts';
import { StanzaError } from '../errors.ts';
import { type JID, JidError } from '../jid.ts';
import { resultFor } from '../stanza.ts';
import type { StreamFeature } from '../stream/negotiation.ts';
import { AUTHENTICATED, BOUND } from '../stream/stream.ts';
import { newId } from '../util/ids.ts';
import { child, type Element, el, text } from '../xml/element.ts';
import { NS_BIND } from '../xml/ns.ts';
import type { ClientConnection } from './connection.ts';

/** Binds a resource to the stream: the client's choice, or one of ours. RFC 6120 §7. */
export const bind: StreamFeature<ClientConnection> = {
  name: 'bind',
  needs: AUTHENTICATED,
  excludes: BOUND,
  offer: () => el('bind', { xmlns: NS_BIND }),
  acceptsIq: { ns: NS_BIND, name: 'bind' },
  async accept(connection, element) {
    const { jid: account, request } = connection;
    if (account === undefined || request?.type !== 'set') throw new StanzaError('bad-request');
    requestPayload(request);
    const pinned = connection.login?.resource;
    const wanted = pinned === undefined ? requestedAddress(account, element) : account.withResource(pinned);
    const jid = mayTake(connection, wanted) ? wanted : account.withResource(newId());
    await connection.host.sessions.bind(jid, connection, connection.isAnonymous, (event) => {
      connection.bound(event.account, event.session);
      connection.log.info('session.bound', { jid: jid.toString() });
      const answer = resultFor(request, el('bind', { xmlns: NS_BIND }, el('jid', {}, jid.toString())));
      connection.reply(answer.copy({ from: undefined, to: undefined }));
    });
    // The connection may have gone while the account was loaded.
    if (!connection.stream.isOpen) connection.closing({ kind: 'lost' });
  },
};

// Whoever may do little more than read must not show out those that may talk: it gets another resource. RFC 6120 §7.7.2.2.
function mayTake({ host, login }: ClientConnection, { local, resource }: JID): boolean {
  const holder = host.account(local)?.sessions.get(resource);
  return holder?.mayCommunicate !== true || login === undefined || can(login.role, 'communicate');
}

function requestedAddress(account: JID, element: Element): JID {
  const resource = text(child(element, 'resource'));
  try {
    return account.withResource(resource === '' ? newId() : resource);
  } catch (error) {
    if (error instanceof JidError) throw new StanzaError('bad-request', { text: error.message, cause: error });
    throw error;
  }
}
