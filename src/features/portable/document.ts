import { attr, type Element, el, escapeAttribute, serialize } from '../../xml/element.ts';
import { NS_CLIENT } from '../../xml/ns.ts';
import type { Leaving } from './api.ts';
import { accountElement, credentialElements } from './credentials.ts';

/** The document and its frame: `<server-data/>`, `<host/>`, `<user/>`, `<offline-messages/>`. */
export const NS_PIE = 'urn:xmpp:pie:0';

/** Writes accounts as one document, piece by piece: no more than one element is in memory. XEP-0227 §4. */
export async function* writeDocument(
  accounts: AsyncIterable<Leaving>,
  written: (account: Leaving) => void,
): AsyncIterable<string> {
  yield `<?xml version='1.0' encoding='UTF-8'?>\n<server-data xmlns='${NS_PIE}'>\n`;
  let domain: string | undefined;
  for await (const account of accounts) {
    if (account.host.domain !== domain) {
      if (domain !== undefined) yield '</host>\n';
      domain = account.host.domain;
      yield `<host jid='${escapeAttribute(domain)}'>\n`;
    }
    yield* writeUser(account);
    written(account);
  }
  if (domain !== undefined) yield '</host>\n';
  yield '</server-data>\n';
}

async function* writeUser({ host, local }: Leaving): AsyncIterable<string> {
  const user = await host.users.get(local);
  // Removed since it was listed.
  if (user === undefined) return;
  yield `<user name='${escapeAttribute(local)}'>\n`;
  yield line(accountElement(user));
  for (const element of credentialElements(await host.users.keys(local))) yield line(element);
  for (const { container, export: exported } of host.portable) {
    let isOpen = false;
    for await (const element of exported(user.jid)) {
      if (container !== undefined && !isOpen) yield `<${container.name} xmlns='${container.ns}'>\n`;
      isOpen = true;
      yield line(element);
    }
    if (container !== undefined && isOpen) yield `</${container.name}>\n`;
  }
  yield '</user>\n';
}

// The document's default namespace is another one than that of the streams that the elements are from.
function line(element: Element): string {
  const isOfStream = attr(element, 'xmlns') === undefined;
  const whole = isOfStream ? el(element.name, { xmlns: NS_CLIENT, ...element.attrs }, ...element.children) : element;
  return `${serialize(whole)}\n`;
}
