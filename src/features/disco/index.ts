import type { Advertised, Advertiser, Item, NodeQuery, Nodes } from '../../core/advertisements.ts';
import type { Feature, FeatureHost } from '../../core/feature.ts';
import { StanzaError } from '../../errors.ts';
import { attr, type Element, el } from '../../xml/element.ts';
import { resultForm } from '../shared/data-form.ts';
import { type DiscoInfo, discoService, type Identity } from './api.ts';

const NS_INFO = 'http://jabber.org/protocol/disco#info';
const NS_ITEMS = 'http://jabber.org/protocol/disco#items';
const SERVER_INFO = 'http://jabber.org/network/serverinfo';

/** Tells what the server and its accounts are, can do and consist of, and whom to write to. XEP-0030, XEP-0157. */
export const disco: Feature = {
  name: 'disco',
  specs: [
    { xep: 4, version: '2.13.2', note: 'forms that tell something' },
    { xep: 30, version: '2.5.0', note: 'an account answers strangers as one that does not exist' },
    { xep: 68, version: '1.3.0' },
    { xep: 128, version: '1.0.1' },
    { xep: 157, version: '1.1.1' },
  ],
  setup(host) {
    const aliases: ((node: string) => boolean)[] = [];
    const server = (): DiscoInfo => gather(host, 'host', serverIdentity(host));
    host.provide(discoService, { server, alias: (isAlias) => void aliases.push(isAlias) });
    host.advertise({ form: () => contactForm(host) });

    host.handle({ type: 'get', ns: NS_INFO, name: 'query', to: 'host' }, ({ payload, from }) => {
      const node = attr(payload, 'node');
      if (node === undefined || aliases.some((isAlias) => isAlias(node))) return infoElement(server(), node);
      return nodeInfo(host, 'host', { node, of: host.jid, from });
    });
    host.handle({ type: 'get', ns: NS_INFO, name: 'query', to: 'account' }, ({ payload, account, from }) => {
      const node = attr(payload, 'node');
      if (node !== undefined) return nodeInfo(host, 'account', { node, of: account.jid, from });
      const identity = { category: 'account', type: account.isAnonymous ? 'anonymous' : 'registered' };
      return infoElement(gather(host, 'account', identity));
    });
    host.handle({ type: 'get', ns: NS_ITEMS, name: 'query', to: 'host' }, ({ payload, from }) => {
      const node = attr(payload, 'node');
      if (node !== undefined) return nodeItems(host, 'host', { node, of: host.jid, from });
      return itemsElement(itemsOf(host, 'host'));
    });
    host.handle({ type: 'get', ns: NS_ITEMS, name: 'query', to: 'account' }, ({ payload, account, from }) => {
      const node = attr(payload, 'node');
      if (node !== undefined) return nodeItems(host, 'account', { node, of: account.jid, from });
      const resources = account.availableSessions.map(({ jid }) => ({ jid: jid.toString() }));
      return itemsElement([...resources, ...itemsOf(host, 'account')]);
    });
  },
};

async function nodeInfo(host: FeatureHost, on: Advertiser, query: NodeQuery): Promise<Element> {
  for (const nodes of nodesOf(host, on)) {
    const entries = await nodes.info(query);
    if (entries !== undefined) return infoElement(gatherFrom(entries), query.node);
  }
  throw new StanzaError('item-not-found');
}

async function nodeItems(host: FeatureHost, on: Advertiser, query: NodeQuery): Promise<Element> {
  for (const nodes of nodesOf(host, on)) {
    const items = await nodes.items(query);
    if (items !== undefined) return itemsElement(items, query.node);
  }
  throw new StanzaError('item-not-found');
}

function nodesOf(host: FeatureHost, on: Advertiser): Nodes[] {
  return host.advertised(on).flatMap((entry) => ('nodes' in entry ? [entry.nodes] : []));
}

function serverIdentity({ settings, domain }: FeatureHost): Identity {
  const name = settings.current.hosts[domain]?.name;
  return { category: 'server', type: 'im', ...(name === undefined ? {} : { name }) };
}

function gather(host: FeatureHost, on: Advertiser, own: Identity): DiscoInfo {
  return gatherFrom([{ identity: own }, ...host.advertised(on)]);
}

function gatherFrom(entries: readonly Advertised[]): DiscoInfo {
  const identities: Identity[] = [];
  const features = new Set<string>();
  const forms: Element[] = [];
  for (const entry of entries) {
    if ('identity' in entry) identities.push(entry.identity);
    else if ('feature' in entry) features.add(entry.feature);
    else if ('form' in entry) forms.push(...present(entry.form()));
  }
  return { identities, features: [...features].sort(), forms };
}

function present<T>(value: T | undefined): T[] {
  return value === undefined ? [] : [value];
}

function itemsOf(host: FeatureHost, on: Advertiser): Item[] {
  return host.advertised(on).flatMap((entry) => ('item' in entry ? [entry.item] : []));
}

function infoElement({ identities, features, forms }: DiscoInfo, node?: string): Element {
  return el(
    'query',
    { xmlns: NS_INFO, node },
    ...identities.map(({ lang, ...identity }) => el('identity', { ...identity, 'xml:lang': lang })),
    ...features.map((feature) => el('feature', { var: feature })),
    ...forms,
  );
}

function itemsElement(items: readonly Item[], node?: string): Element {
  return el('query', { xmlns: NS_ITEMS, node }, ...items.map(({ jid, node, name }) => el('item', { jid, node, name })));
}

/** The addresses that the operator configured for this host, if any. XEP-0157 §3. */
function contactForm({ settings, domain }: FeatureHost): Element | undefined {
  const fields = Object.entries(settings.current.hosts[domain]?.contacts ?? {}).map(
    ([role, addresses = []]) => [`${role}-addresses`, addresses] as const,
  );
  if (fields.every(([, addresses]) => addresses.length === 0)) return undefined;
  return resultForm(SERVER_INFO, Object.fromEntries(fields));
}
