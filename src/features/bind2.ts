import type { Feature } from '../core/feature.ts';
import { inlineBinding } from '../core/inline.ts';
import { type JID, JidError } from '../jid.ts';
import { unguessableBytes } from '../util/ids.ts';

/** In bytes of UTF-8: a tag is the name of a program. */
const MAX_TAG_BYTES = 64;
/** Characters of base64url; 72 bits. */
const GENERATED_LENGTH = 12;

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

    host.provide(inlineBinding, {
      addressOf(account, clientId, tag) {
        const tagged = tag !== '' && Buffer.byteLength(tag) <= MAX_TAG_BYTES;
        return (
          (tagged ? withResource(account, `${tag}/${generate(account, clientId, tag)}`) : undefined) ??
          account.withResource(generate(account, clientId, ''))
        );
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
