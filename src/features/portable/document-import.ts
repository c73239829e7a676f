import { CommandError } from '../../core/commands.ts';
import type { Host } from '../../core/host.ts';
import { StanzaError, StreamError } from '../../errors.ts';
import { JID, JidError } from '../../jid.ts';
import { type DocumentEvent, DocumentReader } from '../../xml/document-reader.ts';
import { attr, type Element } from '../../xml/element.ts';
import type { XmlLimits } from '../../xml/parser.ts';
import type { ImportOptions, ImportSource, ImportSummary } from './api.ts';
import { NS_PIE } from './document.ts';
import { Report } from './report.ts';
import { type Container, UserImport } from './user-import.ts';

const NS_XINCLUDE = 'http://www.w3.org/2001/XInclude';
/** As XEP-0227 called itself before it had a name, and old servers still write. */
const NS_PIE_DRAFT = 'http://www.xmpp.org/extensions/xep-0227.html#ns';

/** The elements around those that are taken up whole. XEP-0227 §4. */
const FRAME = ['server-data', 'host', 'user'] as const;
const HOST = 2;
const USER = 3;
const CONTAINER = USER + 1;

/** What XEP-0227 lets grow without bounds, whether somebody here takes it or not. */
const CONTAINERS: readonly Container[] = [
  { name: 'offline-messages', ns: NS_PIE },
  { name: 'archive', ns: 'urn:xmpp:pie:0#mam' },
  { name: 'pubsub', ns: 'http://jabber.org/protocol/pubsub' },
  { name: 'pubsub', ns: 'http://jabber.org/protocol/pubsub#owner' },
];

/** Of one element that is taken up whole: a roster, a vCard, a message. */
const LIMITS: XmlLimits = { maxBytes: 16 * 1024 * 1024, maxDepth: 128, maxAttributes: 128, maxChildren: 100_000 };

/** How many elements are read between two notices of progress. */
const PROGRESS_ELEMENTS = 500;
const MAX_FILES = 1_000_000;
/** Documents that are open at the same time, each included by the one before. XEP-0227 §5 has use for three. */
const MAX_OPEN = 16;

/** Takes up the accounts of one document, and of those that it includes. XEP-0227 §4, §5. */
export class DocumentImport {
  readonly #source: ImportSource;
  readonly #options: ImportOptions;
  readonly #report = new Report();
  readonly #containers: readonly Container[];
  readonly #included = new Set<string>();
  /** How many of the documents that are open were included. */
  #nested = 0;
  /** How many elements of the frame, and containers, are open around what is read now. */
  #depth = 0;
  #elements = 0;
  #domain = '';
  #host: Host | undefined;
  #left = 0;
  #moved: string | undefined;
  #user: UserImport | undefined;
  #container: Container | undefined;

  constructor(source: ImportSource, options: ImportOptions) {
    this.#source = source;
    this.#options = options;
    const known = [...options.hosts.values()].flatMap(({ portable }) => portable.map(({ container }) => container));
    this.#containers = [...CONTAINERS, ...known.filter((container) => container !== undefined)];
  }

  /** Reads to the end, or to the first fault. */
  async run(): Promise<ImportSummary> {
    await this.#read(this.#source.chunks, 'the document');
    return this.#report.summary();
  }

  async #read(chunks: AsyncIterable<Buffer>, name: string): Promise<void> {
    const around = this.#depth;
    const reader = new DocumentReader(LIMITS, (element, ns, path) => this.#enters(element, ns, around + path.length));
    try {
      for await (const chunk of chunks) for (const event of reader.write(chunk)) await this.#take(event);
      reader.end();
    } catch (error) {
      if (!(error instanceof StreamError || error instanceof CommandError)) throw error;
      const where = error instanceof StreamError ? `${name} is damaged behind byte ${reader.bytes}` : name;
      await this.#breakOff(`${where}: ${faultText(error)}`, around);
    }
  }

  #enters(name: string, ns: string, depth: number): boolean {
    const space = ns === NS_PIE_DRAFT ? NS_PIE : ns;
    if (depth < USER) return name === FRAME[depth] && space === NS_PIE;
    return depth === USER && this.#containers.some((known) => known.name === name && known.ns === space);
  }

  async #take(event: DocumentEvent): Promise<void> {
    try {
      await this.#handle(event);
    } catch (error) {
      if (!(error instanceof StanzaError)) throw error;
      // An account that cannot be made, such as one of this name that is being removed.
      this.#report.note(`${this.#user?.jid} left out: ${error.text ?? error.condition}`);
      this.#user = undefined;
    }
    if (event.kind === 'close') this.#depth--;
  }

  async #handle(event: DocumentEvent): Promise<void> {
    switch (event.kind) {
      case 'open':
        this.#depth++;
        return this.#open(event.element);
      case 'close':
        return this.#close();
      case 'element':
        if (++this.#elements % PROGRESS_ELEMENTS === 0) this.#options.progress(this.#elements);
        return this.#element(event.element);
    }
  }

  async #open(element: Element): Promise<void> {
    const ns = attr(element, 'xmlns') ?? '';
    if (this.#depth === HOST) this.#openHost(attr(element, 'jid') ?? '');
    else if (this.#depth === USER) this.#openUser(attr(element, 'name') ?? '', attr(element, 'password') ?? '');
    else if (this.#depth === CONTAINER) this.#container = { name: element.name, ns: ns === NS_PIE_DRAFT ? NS_PIE : ns };
  }

  async #close(): Promise<void> {
    if (this.#depth === CONTAINER) {
      await this.#user?.settle();
      this.#container = undefined;
    } else if (this.#depth === USER) {
      await this.#user?.end();
      this.#user = undefined;
    } else if (this.#depth === HOST) {
      this.#closeHost();
    }
  }

  async #element(element: Element): Promise<void> {
    if (this.#depth <= USER && attr(element, 'xmlns') === NS_XINCLUDE) return this.#include(element);
    if (this.#depth === 0) throw new CommandError(`it is <${element.name}/> and no <server-data/> of XEP-0227`);
    if (this.#depth < USER) return this.#report.unknown(element.name, attr(element, 'xmlns') ?? '');
    if (this.#container !== undefined) return this.#user?.contained(this.#container, element);
    return this.#user?.element(element);
  }

  #openHost(domain: string): void {
    const { hosts, into } = this.#options;
    this.#domain = domain;
    this.#left = 0;
    if (into === undefined) this.#host = hosts.get(normal(domain) ?? '');
    else this.#host = this.#moved === undefined || this.#moved === domain ? into : undefined;
    if (into !== undefined) this.#moved ??= domain;
  }

  // XEP-0227 §4.1: the operator should be told of hosts that are not there.
  #closeHost(): void {
    if (this.#left === 0) return;
    const users = this.#left === 1 ? '1 user' : `${this.#left} users`;
    const why = this.#options.into === undefined ? 'is not served here' : 'is a second host; --domain moves one';
    this.#report.note(`${users} left out: ${this.#domain} ${why}`);
  }

  #openUser(name: string, password: string): void {
    const host = this.#host;
    if (host === undefined) {
      this.#left++;
      return;
    }
    try {
      if (name === '') throw new JidError('localpart', 'is missing');
      const formerJid = JID.of(name, normal(this.#domain) ?? host.domain);
      this.#user = new UserImport(host, formerJid, password, this.#options, this.#report);
    } catch (error) {
      if (!(error instanceof JidError)) throw error;
      this.#report.note(`a user left out: "${name}" is no name for one: ${error.message}`);
    }
  }

  async #include(element: Element): Promise<void> {
    const href = attr(element, 'href') ?? '';
    const isPlain = attr(element, 'parse') === undefined && attr(element, 'xpointer') === undefined;
    if (!isPlain || this.#included.has(href) || this.#included.size >= MAX_FILES) {
      return this.#report.note(`"${href}" is not included: ${isPlain ? 'it was before' : 'only whole documents are'}`);
    }
    this.#included.add(href);
    this.#nested++;
    try {
      if (this.#nested >= MAX_OPEN) throw new CommandError(`${MAX_OPEN} documents are open around it`);
      await this.#read(await this.#source.include(href), `"${href}"`);
    } catch (error) {
      if (!(error instanceof CommandError)) throw error;
      this.#report.fault(`"${href}" cannot be included: ${error.message}`, this.#user?.jid.toString());
    } finally {
      this.#nested--;
    }
  }

  // What was read of an account stays, and is said; without its end it gets no password.
  async #breakOff(fault: string, around: number): Promise<void> {
    if (around < USER) await this.#user?.finish();
    this.#report.fault(fault, this.#user?.jid.toString());
    if (around < CONTAINER) this.#container = undefined;
    if (around < USER) this.#user = undefined;
    if (around < HOST && this.#depth >= HOST) this.#closeHost();
    this.#depth = around;
  }
}

function faultText(error: StreamError | CommandError): string {
  return error instanceof StreamError ? (error.text ?? error.condition) : error.message;
}

function normal(domain: string): string | undefined {
  try {
    return JID.of('', domain).domain;
  } catch (error) {
    if (error instanceof JidError) return undefined;
    throw error;
  }
}
