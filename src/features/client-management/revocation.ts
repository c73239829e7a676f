import type { FeatureHost } from '../../core/feature.ts';
import type { Grant } from '../../core/grant-record.ts';
import { grantRevoked } from '../../core/points.ts';
import type { Session } from '../../core/session.ts';
import { StanzaError, StreamError } from '../../errors.ts';
import { JID } from '../../jid.ts';
import { StoreError } from '../../store/store.ts';
import { LruCache } from '../../util/lru.ts';
import { clientRevoked, type Revoked } from './api.ts';
import { type Entry, entryOfGrant } from './entries.ts';
import type { ClientRecords } from './records.ts';

const ACCESS_REVOKED = new StreamError('reset', { text: 'Access revoked' });
/** So many clients whose access was revoked are remembered for as long as a login may take. */
const REMEMBERED = 1000;

/** Who asks for a revocation. */
export interface Requester {
  /** Whether identifiers without their prefix will do. */
  readonly allowsBareIds: boolean;
  readonly session: Session;
  /** Tells the client what has become of it, before the session that is to be told ends itself. */
  readonly answer: (revoked: Revoked) => void;
}

/** Takes access to the accounts of one host away. */
export class Revocation {
  readonly #host: FeatureHost;
  readonly #records: ClientRecords;
  // Grants whose sessions are ended here and not by whoever observes.
  readonly #revoking = new Set<string>();
  readonly #revokedAt = new LruCache<string, number>(REMEMBERED);

  constructor(host: FeatureHost, records: ClientRecords) {
    this.#host = host;
    this.#records = records;
    host.observe(grantRevoked, ({ jid, grant, reason }) => {
      if (reason !== 'password-changed' && !this.#revoking.has(grant.id)) {
        this.#end(jid.local, (session) => session.login?.grantId === grant.id);
      }
    });
  }

  /**
   * Revokes what an identifier stands for, as `ClientAccess` says. Tokens go first, so that nobody who is shown out comes
   * back by them; the session that asks goes last.
   */
  revoke(local: string, id: string, requester?: Requester): Promise<Revoked> {
    return this.#records.inTurn(local, async () => {
      const entry = await this.#find(local, id, requester?.allowsBareIds === true);
      await this.#revokeGrants(local, entry.grants);
      const { client } = entry;
      for (const key of keysOf(entry)) this.#revokedAt.set(`${local}\0${key}`, this.#host.clock.now());
      this.#host.announce(clientRevoked, { jid: JID.of(local, this.#host.domain), ...namesOf(entry) });
      const revoked: Revoked = { needsNewPassword: client.markers.includes('password') };
      const isConcerned = this.#concerned(entry);
      const isRequester = (session: Session): boolean => session === requester?.session;
      const isOwn = requester !== undefined && isConcerned(requester.session);
      this.#end(local, (session) => isConcerned(session) && !isRequester(session));
      if (isOwn) {
        requester.answer(revoked);
        this.#end(local, isRequester);
      }
      return revoked;
    });
  }

  /** Ends a session that was bound by a client whose access was revoked while it logged in. */
  check(session: Session): void {
    const revokedAt = this.#revokedAt.get(`${session.jid.local}\0${this.#records.keyOf(session)}`);
    if (revokedAt === undefined || session.login === undefined || session.login.at >= revokedAt) return;
    this.#end(session.jid.local, (other) => other === session);
  }

  async #find(local: string, id: string, allowsBareIds: boolean): Promise<Entry> {
    const entries = await this.#records.entries(local);
    const grants = entries.flatMap((entry) => entry.grants).map(entryOfGrant);
    const hasId = ({ client }: Entry): boolean =>
      client.id === id || (allowsBareIds && (client.id === `client/${id}` || client.id === `grant/${id}`));
    // A grant can be revoked alone, too, where it is listed with the client that uses it.
    const found = new Map([...grants, ...entries].filter(hasId).map((entry) => [entry.client.id, entry]));
    const [entry] = found.values();
    if (entry === undefined || found.size > 1) throw new StanzaError('item-not-found');
    return entry;
  }

  async #revokeGrants(local: string, grants: readonly Grant[]): Promise<void> {
    for (const { id } of grants) this.#revoking.add(id);
    try {
      for (const { id } of grants) await this.#host.grants.revoke(local, id);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      this.#host.log.error('client.not-revoked', { local }, error);
      throw new StanzaError('internal-server-error', {
        text: 'the access could not be revoked; try again',
        type: 'wait',
        cause: error,
      });
    } finally {
      for (const { id } of grants) this.#revoking.delete(id);
    }
  }

  /** Which sessions depend on what is revoked: all of the client's, or those that got in through the grant. */
  #concerned(entry: Entry): (session: Session) => boolean {
    const ids = new Set<string | undefined>(entry.grants.map(({ id }) => id));
    const keys = new Set(keysOf(entry));
    return (session) => keys.has(this.#records.keyOf(session)) || ids.has(session.login?.grantId);
  }

  #end(local: string, isConcerned: (session: Session) => boolean): void {
    const account = this.#host.account(local);
    if (account === undefined) return;
    for (const session of [...account.sessions.values()]) {
      if (isConcerned(session)) this.#host.kick(account, session, ACCESS_REVOKED);
    }
  }
}

/** The keys under which the records of the clients stand, or would. */
function keysOf({ record, grants }: Entry): string[] {
  if (record !== undefined) return [record.key];
  return grants.filter(({ purpose }) => purpose === 'fast').flatMap(({ client }) => client ?? []);
}

/** By what others may know the clients that something gives access to. */
function namesOf(entry: Entry): {
  readonly clientIds: readonly string[];
  readonly fullJid: JID | undefined;
} {
  const { record } = entry;
  if (record?.isLegacy === true) {
    return { clientIds: [], fullJid: record.fullJid === undefined ? undefined : JID.parse(record.fullJid) };
  }
  return { clientIds: keysOf(entry), fullJid: undefined };
}
