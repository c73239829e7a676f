import type { TableSpec } from '../../../store/store.ts';
import { isValidator } from './http-request.ts';

/** A contact as it is stored. */
export type ContactRecord = readonly [jid: string, name: string | null, groups: readonly string[]];

/** A copy as it is stored. */
export interface CopyRecord {
  /** When the owner last said that this is the roster, in milliseconds since the epoch. */
  readonly at: number;
  /** Who was asked, and how. */
  readonly source: string;
  readonly etag?: string;
  readonly lastModified?: string;
  readonly contacts: readonly ContactRecord[];
}

/** The last good rosters of all hosts, under domain and localpart; null stands for one that is damaged. */
export const COPIES: TableSpec<CopyRecord | null> = {
  name: 'roster.copy',
  parse: (json) => (isCopyRecord(json) ? json : null),
};

function isCopyRecord(json: unknown): json is CopyRecord {
  if (typeof json !== 'object' || json === null) return false;
  const { at, source, etag, lastModified, contacts }: Partial<Record<keyof CopyRecord, unknown>> = json;
  return (
    Number.isSafeInteger(at) &&
    typeof source === 'string' &&
    (etag === undefined || isValidator(etag)) &&
    (lastModified === undefined || isValidator(lastModified)) &&
    Array.isArray(contacts) &&
    contacts.every(isContactRecord)
  );
}

function isContactRecord(json: unknown): json is ContactRecord {
  if (!Array.isArray(json)) return false;
  const [jid, name, groups, ...rest]: unknown[] = json;
  return (
    typeof jid === 'string' &&
    (name === null || typeof name === 'string') &&
    Array.isArray(groups) &&
    groups.every((group) => typeof group === 'string') &&
    rest.length === 0
  );
}
