import type { Feature, FeatureHost } from '../core/feature.ts';
import { accountRemoved } from '../core/points.ts';
import type { PortablePart } from '../core/portable.ts';
import { StanzaError } from '../errors.ts';
import type { JID } from '../jid.ts';
import { is } from '../stanza.ts';
import type { Key, Table } from '../store/store.ts';
import { attr, type Element, el, elements, serialize } from '../xml/element.ts';
import { parseElement } from '../xml/parser.ts';
import { storedNumber, storedText } from './shared/stored.ts';

const NS = 'jabber:iq:private';
const RESERVED = /^(?:jabber:|http:\/\/jabber\.org\/|vcard-temp$)/;

/** The elements of all accounts, as markup, and the bytes of each account's elements together. */
interface Tables {
  readonly kept: Table<string>;
  readonly sizes: Table<number>;
}

/** Keeps elements of the clients' own for each account, one under each name and namespace. XEP-0049. */
export const privateXml: Feature = {
  name: 'private-xml',
  specs: [{ xep: 49, version: '1.2', note: 'reserved namespaces are refused, §3' }],
  setup(host) {
    const kept: Table<string> = host.table({ name: 'private-xml', parse: storedText });
    const sizes: Table<number> = host.table({ name: 'private-xml.size', parse: storedNumber });
    // XEP-0049 does not say where: clients that keep bookmarks here look at the server, not at the account.
    host.advertise({ feature: NS });

    host.handle({ type: 'get', ns: NS, name: 'query', to: 'self' }, async ({ account, payload }) => {
      const [wanted, second] = elements(payload);
      if (wanted === undefined) throw new StanzaError('bad-request', { text: 'which element is wanted?' });
      if (second !== undefined) throw new StanzaError('not-acceptable', { text: 'one element at a time' });
      const stored = await kept.get(account.jid.domain, account.jid.local, ...nameOf(wanted));
      return el('query', { xmlns: NS }, stored === undefined ? emptied(wanted) : parseElement(stored));
    });
    host.handle({ type: 'set', ns: NS, name: 'query', to: 'self' }, ({ account, payload }) =>
      keep(host, { kept, sizes }, account.jid, elements(payload)),
    );
    // Only those who know that the account exists learn why: strangers are told what they are told of no account.
    for (const type of ['get', 'set'] as const) {
      host.handle({ type, ns: NS, name: 'query', to: 'account' }, () => {
        throw new StanzaError('forbidden');
      });
    }
    host.portable(portable(host, { kept, sizes }));
    host.observe(accountRemoved, async ({ jid: { domain, local } }) => {
      const removals = [sizes.delete([domain, local])];
      for await (const [key] of kept.list([domain, local])) removals.push(kept.delete(key));
      await Promise.all(removals);
    });
  },
};

/** All elements of an account in one query. XEP-0227 §4.6. */
function portable(host: FeatureHost, tables: Tables): PortablePart {
  return {
    name: 'private elements',
    async *export({ domain, local }) {
      const all: Element[] = [];
      for await (const [, xml] of tables.kept.list([domain, local])) all.push(parseElement(xml));
      if (all.length > 0) yield el('query', { xmlns: NS }, ...all);
    },
    async import(account, query, tally) {
      if (!is(query, 'query', NS)) return false;
      for (const element of elements(query)) {
        try {
          // An empty one says what none says.
          if (!isEmpty(element) && (await add(host, tables, account, element))) tally.took();
          else tally.had();
        } catch (error) {
          if (!(error instanceof StanzaError)) throw error;
          tally.skipped(`<${element.name}/>`, error.text ?? error.condition);
        }
      }
      return true;
    },
  };
}

/** Keeps an element unless there is one of its name; returns whether there was none. */
async function add(host: FeatureHost, { kept, sizes }: Tables, account: JID, element: Element): Promise<boolean> {
  const { domain, local } = account;
  const xml = serialize(element);
  let isNew = false;
  await host.store.commit((batch) => {
    batch.update(kept, keyOf(account, element), (old) => {
      isNew = old === undefined;
      return old ?? xml;
    });
    batch.update(sizes, [domain, local], (old = 0) => grown(host, old, isNew ? bytes(xml) : 0));
  });
  return isNew;
}

/** The size of an account's elements after a change. Throws StanzaError `policy-violation`. */
function grown(host: FeatureHost, old: number, growth: number): number | undefined {
  const maxBytes = host.settings.current.limits.account.privateXmlBytes;
  const size = old + growth;
  // What is too large after the limit was lowered may still shrink.
  if (growth > 0 && size > maxBytes) {
    throw new StanzaError('policy-violation', { text: `private XML has at most ${maxBytes} bytes` });
  }
  return size > 0 ? size : undefined;
}

/** Keeps all of these elements, or none when the account's would be too large together. */
async function keep(
  host: FeatureHost,
  { kept, sizes }: Tables,
  account: JID,
  changes: readonly Element[],
): Promise<void> {
  const { domain, local } = account;
  const names = new Set(changes.map((element) => String(nameOf(element))));
  if (changes.length === 0 || names.size < changes.length) {
    throw new StanzaError('not-acceptable', { text: 'one element of each name, and at least one' });
  }
  await host.store.commit((batch) => {
    let growth = 0;
    for (const element of changes) {
      const xml = isEmpty(element) ? undefined : serialize(element);
      batch.update(kept, keyOf(account, element), (old) => {
        growth += bytes(xml) - bytes(old);
        return xml;
      });
    }
    batch.update(sizes, [domain, local], (old = 0) => grown(host, old, growth));
  });
}

function keyOf({ domain, local }: JID, element: Element): Key {
  return [domain, local, ...nameOf(element)];
}

/** The namespace and name under which an element is kept. */
function nameOf(element: Element): Key {
  const ns = attr(element, 'xmlns') ?? '';
  if (ns === '' || RESERVED.test(ns)) {
    throw new StanzaError('not-acceptable', { text: 'an element of a namespace of its own was expected' });
  }
  return [ns, element.name];
}

function emptied(element: Element): Element {
  return el(element.name, { xmlns: attr(element, 'xmlns') });
}

/** Whether an element says nothing beyond its name: then it need not be kept, because an absent one reads the same. */
function isEmpty(element: Element): boolean {
  return element.children.length === 0 && Object.keys(element.attrs).every((name) => name === 'xmlns');
}

function bytes(xml: string | undefined): number {
  return xml === undefined ? 0 : Buffer.byteLength(xml);
}
