import { flag, integer } from '../../config/kinds.ts';
import { type ConfigOf, option, section } from '../../config/schema.ts';
import type { Feature } from '../../core/feature.ts';
import type { Holding } from '../../core/held.ts';
import type { Session } from '../../core/session.ts';
import { StreamError } from '../../errors.ts';
import { AUTHENTICATED } from '../../stream/stream.ts';
import { child, el } from '../../xml/element.ts';
import { clientState } from './api.ts';
import { canWait, subjectOf } from './urgency.ts';

const NS = 'urn:xmpp:csi:0';
const OFFER = el('csi', { xmlns: NS });

const config = section('What clients are sent later that nobody looks at (XEP-0352).', {
  maxStanzas: option(integer(0), {
    default: 500,
    doc: 'How many stanzas are held back for one client at most: the next one has all of them sent. 0 holds nothing back.',
    reload: 'restart',
  }),
  maxBytes: option(integer(0), {
    default: 262_144,
    doc: 'The same as their size, in bytes. Whatever these two say, no more than half of `limits.queue` is held back.',
    reload: 'restart',
  }),
  holdGroupchat: option(flag(), {
    default: false,
    doc: 'Whether messages in group chats can wait, too; otherwise only those without anything to read.',
    reload: 'restart',
  }),
});

/**
 * Spares clients that nobody looks at: presence and other news of little weight wait until something comes that does not, or
 * until somebody looks. XEP-0352.
 */
export const csi: Feature<ConfigOf<typeof config>> = {
  name: 'csi',
  specs: [{ xep: 352, version: '1.0.0' }],
  config,
  setup(host, { maxStanzas, maxBytes, holdGroupchat }) {
    const holding: Holding = { maxStanzas, maxBytes, canWait: (stanza) => canWait(stanza, holdGroupchat), subjectOf };
    const indicate = (session: Session | undefined, name: string): void => {
      if (name !== 'active' && name !== 'inactive') throw new StreamError('unsupported-stanza-type');
      session?.hold(name === 'inactive' ? holding : undefined);
    };
    host.provide(clientState, { isInactive: (session) => session.isHolding });
    host.negotiate({
      name: 'csi',
      needs: AUTHENTICATED,
      excludes: 0,
      accepts: NS,
      offer: () => OFFER,
      accept: ({ session }, { name }) => indicate(session, name),
    });
    host.inline({
      name: NS,
      bound({ session, request }) {
        if (child(request, 'inactive', NS) !== undefined) indicate(session, 'inactive');
        return undefined;
      },
    });
  },
};
