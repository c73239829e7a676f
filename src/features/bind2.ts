import type { Feature } from '../core/feature.ts';
import { inlineBinding } from '../core/inline.ts';
import { type JID, JidError } from '../jid.ts';
import { unguessableBytes } from '../util/ids.ts';
import { LruCache } from '../util/lru.ts';

/** In bytes of UTF-8: a tag is the name of a program. */
const MAX_TAG_BYTES = 64;
/** Characters of base64url; 72 bits. */
const GENERATED_LENGTH = 12;
/** How many clients' addresses are kept at hand, of about half a kilobyte each. */
const KNOWN_CLIENTS = 2000;

/** Binds resources along with the login, and names them. XEP-0386. */
export const bind2: Feature = {
  name: 'bind2',
  specs: [{ xep: 386, version: '1.1.0' }],
  setup(host) {
    const { sealing } = host.grants;
    // A keyed hash, so that nobody who sees the address learns the identifier. §3.1.
    const generate = (account: JID, clientId: string | undefined, tag: string): string =>
      clientId === undefined
        ? unguessableBytes((GENERATED_LENGTH * 3) / 4).toString('base64url')
        : sealing.digest(`resource\0${account}\0${clientId}\0${tag}`).slice(0, GENERATED_LENGTH);
    const make = (account: JID, clientId: string | undefined, tag: string): JID =>
      (tag === '' ? undefined : withResource(account, `${tag}/${generate(account, clientId, tag)}`)) ??
      account.withResource(generate(account, clientId, ''));

    // A client gets the same address whenever it comes back.
    const known = new LruCache<string, JID>(KNOWN_CLIENTS);
    host.provide(inlineBinding, {
      addressOf(account, clientId, sentTag) {
        const tag = Buffer.byteLength(sentTag) <= MAX_TAG_BYTES ? sentTag : '';
        if (clientId === undefined) return make(account, clientId, tag);
        const client = `${account}\0${clientId}\0${tag}`;
        const address = known.get(client) ?? make(account, clientId, tag);
        known.set(client, address);
        return address;
      },
    });
  },
};

function withResource(account: JID, resource: string): JID | undefined {
  try {
    return account.withResource(resource);
  } catch (error) {
    if (error instanceof JidError) return undefined;
    throw error;
  }
}
