import type { LogFields } from '../log/log.ts';
import { attr, type Element, firstElement } from '../xml/element.ts';

/** What the log may say of a stanza: its attributes and the name of its payload, never the content. */
export function headOf(element: Element): LogFields {
  const payload = firstElement(element);
  return {
    kind: element.name,
    type: attr(element, 'type'),
    id: attr(element, 'id'),
    to: attr(element, 'to'),
    payload: payload && `{${attr(payload, 'xmlns') ?? ''}}${payload.name}`,
  };
}
