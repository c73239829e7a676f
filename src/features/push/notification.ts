import { type Element, el } from '../../xml/element.ts';
import { parseElement } from '../../xml/parser.ts';
import type { Registration } from './api.ts';

export const NS_PUSH = 'urn:xmpp:push:0';
const NS_PUBSUB = 'http://jabber.org/protocol/pubsub';
const NS_FORM = 'jabber:x:data';
const SUMMARY = 'urn:xmpp:push:summary';

/** What an app server may be told of what waits for a client; what is undefined is not told. */
export interface Summary {
  readonly messages: number | undefined;
  readonly pendingSubscriptions: number | undefined;
  readonly lastSender: string | undefined;
  readonly lastBody: string | undefined;
}

/** The request by which a client is woken: an item is published to its node. XEP-0357 §7. */
export function publication({ node, options }: Registration, summary: Summary): Element {
  const notification = el('notification', { xmlns: NS_PUSH }, summaryForm(summary));
  return el(
    'pubsub',
    { xmlns: NS_PUBSUB },
    el('publish', { node: node === '' ? undefined : node }, el('item', {}, notification)),
    options === undefined ? undefined : el('publish-options', {}, parseElement(options)),
  );
}

function summaryForm({ messages, pendingSubscriptions, lastSender, lastBody }: Summary): Element | undefined {
  const fields = [
    field('message-count', messages),
    field('pending-subscription-count', pendingSubscriptions),
    field('last-message-sender', lastSender),
    field('last-message-body', lastBody),
  ].filter((one) => one !== undefined);
  if (fields.length === 0) return undefined;
  return el('x', { xmlns: NS_FORM, type: 'submit' }, field('FORM_TYPE', SUMMARY), ...fields);
}

function field(name: string, value: string | number | undefined): Element | undefined {
  if (value === undefined) return undefined;
  const type = name === 'FORM_TYPE' ? 'hidden' : undefined;
  return el('field', { var: name, type }, el('value', {}, String(value)));
}
