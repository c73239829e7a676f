import type { Host } from '../../core/host.ts';
import type { PortablePart, Tally } from '../../core/portable.ts';
import type { NewcomerFacts } from '../../core/users.ts';
import { StanzaError } from '../../errors.ts';
import { JID } from '../../jid.ts';
import { attr, type Element } from '../../xml/element.ts';
import { NS_CLIENT } from '../../xml/ns.ts';
import type { ImportOptions } from './api.ts';
import { Credentials, parseAccount } from './credentials.ts';
import type { Report } from './report.ts';

/** How many elements of a container are under way at a time: they are made durable together. */
const MAX_PENDING = 256;

/** An element that holds those of one part. */
export type Container = NonNullable<PortablePart['container']>;

/** Takes up one account, element by element. It gets its password last, so that nobody logs in before it is complete. */
export class UserImport {
  readonly jid: JID;
  readonly #formerJid: JID;
  readonly #host: Host;
  readonly #options: ImportOptions;
  readonly #report: Report;
  readonly #credentials: Credentials;
  readonly #tallies = new Map<PortablePart, Tally>();
  readonly #pending: Promise<void>[] = [];
  #facts: NewcomerFacts = {};
  #isReady = false;
  #isNew = false;

  /** `formerJid` is what the account is called in the document; `password` what its `<user/>` says, '' where there is none. */
  constructor(host: Host, formerJid: JID, password: string, options: ImportOptions, report: Report) {
    this.jid = JID.of(formerJid.local, host.domain);
    this.#formerJid = formerJid;
    this.#host = host;
    this.#options = options;
    this.#report = report;
    this.#credentials = new Credentials(password, report.tally('passwords', this.jid, formerJid));
  }

  /** Takes up a child of the `<user/>`; resolves when it is durable. */
  async element(element: Element): Promise<void> {
    if (this.#credentials.take(element)) return;
    const facts = parseAccount(element);
    if (facts !== undefined) {
      // What stands behind other things comes too late; we write it first.
      this.#facts = facts;
      return;
    }
    await this.#beReady();
    for (const part of this.#host.portable) {
      if (part.container === undefined && (await this.#offer(part, element))) return;
    }
    this.#report.unknown(element.name, attr(element, 'xmlns') ?? NS_CLIENT);
  }

  /** Takes up a child of a container. Resolves when there may be another one; {@link settle} waits for all. */
  async contained({ name, ns }: Container, element: Element): Promise<void> {
    await this.#beReady();
    const part = this.#host.portable.find(({ container }) => container?.name === name && container.ns === ns);
    if (part === undefined) return this.#report.unknown(name, ns);
    const taking = this.#offer(part, element).then((isOwn) => {
      if (!isOwn) this.#report.unknown(element.name, attr(element, 'xmlns') ?? NS_CLIENT);
    });
    // Whoever settles is told of a failure; until then nobody else is.
    taking.catch(() => {});
    this.#pending.push(taking);
    if (this.#pending.length >= MAX_PENDING) await this.settle();
  }

  /** No more comes: the document is at the end of the account, or breaks off. Resolves when all that came is durable. */
  async finish(): Promise<void> {
    await this.settle();
    for (const part of this.#tallies.keys()) await part.finish?.(this.jid);
  }

  /** Resolves when everything that was handed in is durable. */
  async settle(): Promise<void> {
    const outcomes = await Promise.allSettled(this.#pending.splice(0));
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }

  /** The `</user>` has been read: the account gets its password. */
  async end(): Promise<void> {
    await this.finish();
    await this.#beReady();
    const { users } = this.#host;
    await this.#credentials.apply(users, this.jid.local, this.#isNew || this.#options.replacePasswords);
  }

  async #beReady(): Promise<void> {
    if (this.#isReady) return;
    this.#isReady = true;
    const { users } = this.#host;
    const { keepAdmins } = this.#options;
    const isAdmin = this.#facts.role === 'admin';
    this.#isNew = !(await users.exists(this.jid.local));
    if (!this.#isNew) {
      this.#report.merged++;
      return;
    }
    await users.admit(this.jid.local, keepAdmins ? this.#facts : { ...this.#facts, role: 'member' });
    this.#report.added++;
    if (isAdmin && !keepAdmins) this.#report.note(`${this.jid}: no administrator any more; --keep-admins makes it one`);
  }

  async #offer(part: PortablePart, element: Element): Promise<boolean> {
    const tally = this.#tallies.get(part) ?? this.#report.tally(part.name, this.jid, this.#formerJid);
    this.#tallies.set(part, tally);
    try {
      return await part.import(this.jid, element, tally);
    } catch (error) {
      if (!(error instanceof StanzaError)) throw error;
      tally.skipped(`<${element.name}/>`, error.text ?? error.condition);
      return true;
    }
  }
}
