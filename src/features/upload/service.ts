import type { FeatureHost } from '../../core/feature.ts';
import { IqRoutes } from '../../core/iq.ts';
import { can } from '../../core/roles.ts';
import type { Destination } from '../../core/router.ts';
import { StanzaError } from '../../errors.ts';
import type { JID } from '../../jid.ts';
import { type AnyStanza, mayBounce } from '../../stanza.ts';
import { attr, type Element, el } from '../../xml/element.ts';
import { resultForm } from '../shared/data-form.ts';
import { dateTime } from '../shared/date-time.ts';
import type { UploadConfig } from './config.ts';
import { type Quota, QuotaError } from './ledger.ts';
import type { Links } from './links.ts';
import { NS_PURPOSE, type Purpose } from './purpose.ts';
import { NS_UPLOAD, parseSlotRequest, type SlotRequest } from './slot-request.ts';
import type { Uploads } from './uploads.ts';

const NS_INFO = 'http://jabber.org/protocol/disco#info';
const NS_ITEMS = 'http://jabber.org/protocol/disco#items';

/** The service's name for people. */
export const SERVICE_NAME = 'HTTP File Upload';

const QUOTA_TEXTS: Readonly<Record<Quota, string>> = {
  dailyBytes: 'You have uploaded as much as you may for today',
  bytes: 'Your files take as much as they may; remove some of them',
  profileBytes: 'The files of your profile take as much as they may; remove some of them',
  files: 'You have as many files as you may; remove some of them',
  slots: 'You have asked for too many uploads that did not begin',
};

/** What the service needs to know. */
export interface UploadServiceParts {
  readonly uploads: Uploads;
  readonly config: UploadConfig;
  readonly links: Links;
}

/** The entity that gives slots. XEP-0363 §3 to §6. */
export class UploadService implements Destination {
  readonly #host: FeatureHost;
  readonly #parts: UploadServiceParts;
  readonly #routes: IqRoutes;

  constructor(host: FeatureHost, parts: UploadServiceParts) {
    this.#host = host;
    this.#parts = parts;
    this.#routes = new IqRoutes({
      clock: host.clock,
      timeoutMs: () => host.settings.current.limits.timeouts.iqMs,
      bug: (where, error) => host.log.error('bug', { where }, error),
    });
    this.#routes.add({ type: 'get', ns: NS_UPLOAD, name: 'request', to: 'host' }, ({ payload, from }) =>
      this.#slot(payload, from),
    );
    this.#routes.add({ type: 'get', ns: NS_INFO, name: 'query', to: 'host' }, ({ payload }) => this.#info(payload));
    this.#routes.add({ type: 'get', ns: NS_ITEMS, name: 'query', to: 'host' }, ({ payload }) => {
      refuseNode(payload);
      return el('query', { xmlns: NS_ITEMS });
    });
  }

  async deliver(stanza: AnyStanza, stored: Promise<unknown> | undefined): Promise<void> {
    await stored;
    const isService = stanza.to?.local === '' && stanza.to.resource === '';
    if (stanza.kind === 'presence' || !mayBounce(stanza)) return;
    // There is nobody else here, and nothing to be said to the service.
    if (stanza.kind !== 'iq' || !isService) throw new StanzaError('service-unavailable');
    this.#host.send(await this.#routes.answer(stanza, ['host'], {}));
  }

  #info(query: Element): Element {
    refuseNode(query);
    const { config } = this.#parts;
    const purposes: readonly Purpose[] = ['message', ...config.purposes];
    const features = [NS_INFO, NS_ITEMS, NS_UPLOAD, ...purposes.map((purpose) => `${NS_PURPOSE}#${purpose}`)];
    return el(
      'query',
      { xmlns: NS_INFO },
      el('identity', { category: 'store', type: 'file', name: SERVICE_NAME }),
      ...features.sort().map((feature) => el('feature', { var: feature })),
      resultForm(NS_UPLOAD, { 'max-file-size': String(config.maxFileBytes) }),
    );
  }

  async #slot(payload: Element, from: JID): Promise<Element> {
    this.#refuseStrangers(from);
    const request = parseSlotRequest(payload);
    await this.#check(request);
    // The account may have been removed meanwhile, with all that it had: nothing may be added.
    this.#refuseStrangers(from);
    try {
      const [id, { name }] = await this.#parts.uploads.reserve(from.local, request);
      const url = this.#parts.links.of(id, name);
      return el('slot', { xmlns: NS_UPLOAD }, el('put', { url }), el('get', { url }));
    } catch (error) {
      throw error instanceof QuotaError ? await this.#refusal(from.local, error) : error;
    }
  }

  #refuseStrangers(from: JID): void {
    if (this.#mayUpload(from)) return;
    throw new StanzaError('forbidden', { text: 'Only users of this server may upload files' });
  }

  /** Users of this host, unless their login is for something else. */
  #mayUpload({ domain, local, resource }: JID): boolean {
    if (domain !== this.#host.domain) return false;
    const login = this.#host.account(local)?.sessions.get(resource)?.login;
    if (login === undefined) return false;
    return login.role === 'guest' ? this.#parts.config.guests : can(login.role, 'write-account');
  }

  /** What does not depend on the account. */
  async #check({ purpose, size, expireBefore }: SlotRequest): Promise<void> {
    const { config, links, uploads } = this.#parts;
    if (purpose !== 'message' && !config.purposes.includes(purpose)) {
      throw new StanzaError('feature-not-implemented', { text: `The purpose ${purpose} is not supported here` });
    }
    const isProfile = purpose === 'profile';
    const maxBytes = isProfile ? Math.min(config.maxFileBytes, config.profileFileBytes) : config.maxFileBytes;
    if (size > maxBytes) throw tooLarge(maxBytes);
    if (expireBefore !== undefined && expireBefore <= this.#host.clock.now()) {
      throw new StanzaError('bad-request', { text: 'The file would have expired already' });
    }
    if (!links.areThere) {
      throw new StanzaError('service-unavailable', { text: 'The server has no address with TLS to upload to' });
    }
    if (!(await uploads.hasRoom(size))) {
      this.#host.log.error('upload.no-room', { bytes: size, keepFreeBytes: config.keepFreeBytes });
      throw new StanzaError('resource-constraint', { text: 'The disk of the server is full' });
    }
  }

  async #refusal(owner: string, error: QuotaError): Promise<StanzaError> {
    const at = await this.#parts.uploads.retryAt(owner, error);
    return new StanzaError('resource-constraint', {
      text: QUOTA_TEXTS[error.quota],
      ...(at !== undefined && { app: { name: 'retry', ns: NS_UPLOAD, attrs: { stamp: dateTime(at) } } }),
    });
  }
}

function tooLarge(maxBytes: number): StanzaError {
  return new StanzaError('not-acceptable', {
    text: `File too large. The maximum file size is ${maxBytes} bytes`,
    app: { name: 'file-too-large', ns: NS_UPLOAD, texts: { 'max-file-size': String(maxBytes) } },
  });
}

function refuseNode(query: Element): void {
  if (attr(query, 'node') !== undefined) throw new StanzaError('item-not-found');
}
