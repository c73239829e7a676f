import type { Feature } from '../../core/feature.ts';
import {
  accountReceives,
  accountSends,
  CONSUMED,
  type Receiving,
  type Sending,
  sessionEnded,
  type Verdict,
} from '../../core/points.ts';
import { StanzaError } from '../../errors.ts';
import { presence as makePresence, type Presence } from '../../stanza.ts';
import { AUTHENTICATED } from '../../stream/stream.ts';
import type { Awaitable } from '../../util/awaitable.ts';
import { el } from '../../xml/element.ts';
import { blockingChanged } from '../blocking/api.ts';
import { rosterChanged, rosterRemoved, rosterReplaced, rosters as rostersService } from '../roster/api.ts';
import { presences } from './api.ts';
import { Availability } from './availability.ts';
import { Replacement } from './replacement.ts';
import { Subscriptions } from './subscriptions.ts';

const PRE_APPROVAL = el('sub', { xmlns: 'urn:xmpp:features:pre-approval' });

/** Who may see whom, and who is there. RFC 6121 §3, §4. */
export const presence: Feature = {
  name: 'presence',
  specs: [
    { rfc: 6121, sections: '3' },
    { rfc: 6121, sections: '4' },
  ],
  needs: [rostersService],
  setup(host) {
    const rosters = host.use(rostersService);
    const availability = new Availability(host, rosters);
    const subscriptions = new Subscriptions(host, rosters, availability);
    const replacement = new Replacement(host, rosters, availability);
    // Where somebody else makes the subscriptions, there is nothing to approve.
    if (!rosters.isDelegated) {
      host.negotiate({ name: 'pre-approval', needs: AUTHENTICATED, excludes: 0, offer: () => PRE_APPROVAL });
    }
    host.provide(presences, { broadcast: (...presence) => availability.broadcast(...presence) });
    host.audience((account, from) => availability.isSubscriber(account, from));

    host.filter(accountSends, (sending) => {
      if (sending.stanza.kind === 'presence') return sent(availability, subscriptions, sending, sending.stanza);
    });
    host.filter(accountReceives, (receiving) => {
      if (receiving.stanza.kind === 'presence')
        return received(availability, subscriptions, receiving, receiving.stanza);
    });
    host.observe(sessionEnded, ({ account, session }) =>
      availability.end(account, session, makePresence({ type: 'unavailable', from: session.jid })),
    );
    host.observe(blockingChanged, (change) => availability.blockingChanged(change));
    host.observe(rosterChanged, (change) => subscriptions.changed(change));
    host.observe(rosterReplaced, (change) => replacement.replaced(change));
    host.observe(rosterRemoved, ({ jid, roster }) => subscriptions.removed(jid, roster));
  },
};

function sent(
  availability: Availability,
  subscriptions: Subscriptions,
  { account, session }: Sending,
  stanza: Presence,
): Awaitable<Verdict> {
  const { type, to } = stanza;
  switch (type) {
    case 'available':
    case 'unavailable':
      // It waited, and its session has ended meanwhile: nobody would be told that this has gone.
      if (session.hasEnded) return CONSUMED;
      if (to === undefined) return availability.broadcast(account, session, stanza);
      return availability.direct(account, session, stanza, to);
    case 'subscribe':
    case 'subscribed':
    case 'unsubscribe':
    case 'unsubscribed':
      if (to === undefined) throw new StanzaError('bad-request', { text: `${type} is sent to a contact` });
      return subscriptions.sent(account, type, stanza, to).then(() => CONSUMED);
    case 'probe':
    case 'error':
      return undefined;
  }
}

function received(
  availability: Availability,
  subscriptions: Subscriptions,
  { account }: Receiving,
  stanza: Presence,
): Awaitable<Verdict> {
  const { type, from } = stanza;
  switch (type) {
    case 'available':
    case 'unavailable':
    case 'error':
      return undefined;
    case 'probe':
      if (from !== undefined) availability.probed(account, from);
      return CONSUMED;
    case 'subscribe':
    case 'subscribed':
    case 'unsubscribe':
    case 'unsubscribed':
      if (from === undefined) return CONSUMED;
      return subscriptions.received(account, type, stanza, from).then((passed) => passed ?? CONSUMED);
  }
}
