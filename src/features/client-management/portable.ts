import type { PortablePart } from '../../core/portable.ts';
import { is } from '../../stanza.ts';
import { attr, child, children, type Element, el, text } from '../../xml/element.ts';
import { dateTime } from '../shared/date-time.ts';
import type { ClientAgent } from './api.ts';
import type { ClientRecord } from './record.ts';
import type { ClientRecords } from './records.ts';

/** XEP-0227 has no place for clients; others ignore it. */
const NS = 'urn:parley:clients:0';

/** In UTF-16 units; what goes beyond it is cut off. */
const MAX_TEXT = 256;
const MAX_MECHANISMS = 32;

const AGENT = ['software', 'softwareId', 'softwareVersion', 'uri', 'device'] as const;

/** What is known of the clients of an account. Their tokens stay behind: what moves gives access to nobody. */
export function portableClients(records: ClientRecords, storeDeviceNames: boolean): PortablePart {
  return {
    name: 'clients',
    async *export({ local }) {
      for (const record of await records.inTurn(local, () => records.list(local))) yield clientElement(record);
    },
    async import({ local }, element, tally) {
      if (!is(element, 'client', NS)) return false;
      const record = parseClient(element, storeDeviceNames);
      if (record === undefined) {
        tally.skipped('a client', 'what is known of it is damaged');
        return true;
      }
      const outcome = await records.adopt(local, record);
      if (outcome === 'added') tally.took();
      else if (outcome === 'known') tally.had();
      else tally.skipped(`the client ${record.agent.software ?? record.key}`, 'there are too many');
      return true;
    },
  };
}

function clientElement({
  key,
  handle,
  firstSeen,
  lastSeen,
  agent,
  mechanisms,
  isLegacy,
  ...rest
}: ClientRecord): Element {
  return el(
    'client',
    {
      xmlns: NS,
      id: key,
      handle,
      'first-seen': dateTime(firstSeen),
      'last-seen': dateTime(lastSeen),
      'last-token': rest.fastAuth === undefined ? undefined : dateTime(rest.fastAuth),
      jid: rest.fullJid,
      legacy: isLegacy ? 'true' : undefined,
    },
    ...AGENT.map((name) => (agent[name] === undefined ? undefined : el(name, {}, agent[name]))),
    ...Object.entries(mechanisms).map(([name, at]) => el('mechanism', { name, at: dateTime(at) })),
  );
}

function parseClient(element: Element, storeDeviceNames: boolean): ClientRecord | undefined {
  const [key, handle] = [short(attr(element, 'id')), short(attr(element, 'handle'))];
  const [firstSeen, lastSeen] = [timeOf(element, 'first-seen'), timeOf(element, 'last-seen')];
  if (key === undefined || handle === undefined || firstSeen === undefined || lastSeen === undefined) return undefined;
  const agent: Partial<Record<(typeof AGENT)[number], string>> = {};
  for (const name of AGENT) {
    const value = short(text(child(element, name)));
    if (value !== undefined && (name !== 'device' || storeDeviceNames)) agent[name] = value;
  }
  return {
    key,
    handle,
    firstSeen,
    lastSeen,
    agent: agent satisfies ClientAgent,
    fullJid: short(attr(element, 'jid')),
    mechanisms: mechanismsOf(element),
    fastAuth: timeOf(element, 'last-token'),
    grantId: undefined,
    isLegacy: attr(element, 'legacy') === 'true',
  };
}

function mechanismsOf(element: Element): Record<string, number> {
  const used = children(element, 'mechanism').slice(0, MAX_MECHANISMS);
  return Object.fromEntries(
    used.flatMap((mechanism): [string, number][] => {
      const [name, at] = [short(attr(mechanism, 'name')), timeOf(mechanism, 'at')];
      return name === undefined || at === undefined ? [] : [[name, at]];
    }),
  );
}

function short(value: string | undefined): string | undefined {
  return value === undefined || value === '' ? undefined : value.slice(0, MAX_TEXT);
}

function timeOf(element: Element, name: string): number | undefined {
  const at = Date.parse(attr(element, name) ?? '');
  return Number.isNaN(at) ? undefined : at;
}
