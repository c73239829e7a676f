import type { TableSpec } from '../../store/store.ts';
import { storedNumber, storedObject, storedText } from '../shared/stored.ts';
import type { ClientAgent } from './api.ts';

/** What is kept of a client of an account. Times are milliseconds since the Unix epoch. */
export interface ClientRecord {
  /** The identifier that the client gives, a UUID; or one of ours, for a client that gives none. */
  readonly key: string;
  /** What the owner knows it by: the key itself says which tokens and resources are the client's. */
  readonly handle: string;
  readonly firstSeen: number;
  readonly lastSeen: number;
  readonly agent: ClientAgent;
  /** The full JID that it bound last. */
  readonly fullJid: string | undefined;
  /** When it last logged in, by SASL mechanism. */
  readonly mechanisms: Readonly<Record<string, number>>;
  /** When it last logged in with a token in the place of the password. */
  readonly fastAuth: number | undefined;
  /** The grant behind its last login with one. */
  readonly grantId: string | undefined;
  /** It gives no identifier and is known by its resource. */
  readonly isLegacy: boolean;
}

/** The records of all hosts, under domain and localpart: one value for an account, because a login reads all of them. */
export const CLIENTS: TableSpec<readonly ClientRecord[]> = {
  name: 'clients',
  parse(json) {
    if (!Array.isArray(json)) throw new TypeError('the clients of an account are no list');
    return json.map(parseRecord);
  },
};

function parseRecord(json: unknown): ClientRecord {
  const record = storedObject(json);
  const mechanisms = Object.entries(storedObject(record['mechanisms']));
  return {
    key: storedText(record['key']),
    handle: storedText(record['handle']),
    firstSeen: storedNumber(record['firstSeen']),
    lastSeen: storedNumber(record['lastSeen']),
    agent: parseAgent(record['agent']),
    fullJid: maybe(record['fullJid'], storedText),
    mechanisms: Object.fromEntries(mechanisms.map(([name, at]) => [name, storedNumber(at)])),
    fastAuth: maybe(record['fastAuth'], storedNumber),
    grantId: maybe(record['grantId'], storedText),
    isLegacy: record['isLegacy'] === true,
  };
}

function parseAgent(json: unknown): ClientAgent {
  const { software, softwareId, softwareVersion, uri, device } = storedObject(json);
  return {
    software: maybe(software, storedText),
    softwareId: maybe(softwareId, storedText),
    softwareVersion: maybe(softwareVersion, storedText),
    uri: maybe(uri, storedText),
    device: maybe(device, storedText),
  };
}

function maybe<T>(json: unknown, parse: (json: unknown) => T): T | undefined {
  return json === undefined ? undefined : parse(json);
}
