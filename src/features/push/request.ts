import type { FeatureHost } from '../../core/feature.ts';
import { StanzaError } from '../../errors.ts';
import { JID, JidError } from '../../jid.ts';
import { attr, children, type Element, serialize, text } from '../../xml/element.ts';

const NS_FORM = 'jabber:x:data';
const PUBLISH_OPTIONS = 'http://jabber.org/protocol/pubsub#publish-options';

/** In bytes of UTF-8. */
const MAX_NODE_BYTES = 1024;
const MAX_OPTIONS_BYTES = 4096;

/** What a client asks to be woken by. */
export interface Target {
  readonly service: string;
  /** '' without one. */
  readonly node: string;
  /** As markup. */
  readonly options: string | undefined;
}

/**
 * Reads `<enable/>`. XEP-0357 §5.
 * @throws StanzaError `bad-request`, `jid-malformed`; `policy-violation` for what is too long; `not-acceptable` for an
 * address that cannot be an app server's.
 */
export function readEnable(host: FeatureHost, enable: Element): Target {
  const service = serviceOf(enable);
  // What is published would come from the server itself: nobody is to be written to in its name at others' wish.
  if (host.settings.current.hosts[service.domain] !== undefined) {
    throw new StanzaError('not-acceptable', { text: `${service} is not an app server` });
  }
  const node = attr(enable, 'node') ?? '';
  if (Buffer.byteLength(node) > MAX_NODE_BYTES) throw tooLong('a node', MAX_NODE_BYTES);
  return { service: service.toString(), node, options: optionsOf(enable) };
}

/**
 * Reads `<disable/>`: which node, or undefined for all of the app server. XEP-0357 §6.
 * @throws StanzaError `bad-request`, `jid-malformed`
 */
export function readDisable(disable: Element): { readonly service: string; readonly node: string | undefined } {
  return { service: serviceOf(disable).toString(), node: attr(disable, 'node') };
}

function serviceOf(request: Element): JID {
  const given = attr(request, 'jid') ?? '';
  if (given === '') throw new StanzaError('bad-request', { text: 'which app server?' });
  try {
    return JID.parse(given);
  } catch (error) {
    if (error instanceof JidError) throw new StanzaError('jid-malformed', { text: error.message, cause: error });
    throw error;
  }
}

function optionsOf(enable: Element): string | undefined {
  const [form, second] = children(enable, 'x', NS_FORM);
  if (form === undefined) return undefined;
  const type = attr(form, 'type') ?? 'submit';
  if (second !== undefined || type !== 'submit' || formTypeOf(form) !== PUBLISH_OPTIONS) {
    throw new StanzaError('bad-request', { text: `only one form is understood here, of the type ${PUBLISH_OPTIONS}` });
  }
  const options = serialize(form);
  if (Buffer.byteLength(options) > MAX_OPTIONS_BYTES) throw tooLong('the options', MAX_OPTIONS_BYTES);
  return options;
}

function formTypeOf(form: Element): string {
  const field = children(form, 'field').find((candidate) => attr(candidate, 'var') === 'FORM_TYPE');
  const [value] = field === undefined ? [] : children(field, 'value');
  return text(value);
}

function tooLong(what: string, maxBytes: number): StanzaError {
  return new StanzaError('policy-violation', { text: `${what} may have ${maxBytes} bytes` });
}
