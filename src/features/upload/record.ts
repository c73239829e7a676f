import type { TableSpec } from '../../store/store.ts';
import { storedNumber, storedObject, storedText } from '../shared/stored.ts';
import { isPurpose, type Purpose } from './purpose.ts';

/** What is known of a slot, and of the file once it is there. Times are in milliseconds since the Unix epoch. */
export interface FileRecord {
  /** The localpart of the account. */
  readonly owner: string;
  readonly name: string;
  /** The media type; of a slot undefined if the client announced none. */
  readonly type?: string | undefined;
  readonly size: number;
  readonly purpose: Purpose;
  /** When the slot was asked for. */
  readonly at: number;
  /** Until when the upload may begin; null when the file is there. */
  readonly slotUntil: number | null;
  /** When the file is to be gone; null: it stays. */
  readonly expires: number | null;
}

/** What an account has uploaded; what slots promise counts from the moment they are given. */
export interface Usage {
  /** The day of `dayBytes`, in days since the Unix epoch. */
  readonly day: number;
  readonly dayBytes: number;
  readonly bytes: number;
  /** Those of the purpose `profile`, which `bytes` contains. */
  readonly profileBytes: number;
  readonly files: number;
  /** Those of `files` that are not there yet. */
  readonly slots: number;
}

/** By host and identifier. */
export const FILES: TableSpec<FileRecord> = {
  name: 'upload.files',
  parse(json) {
    const { owner, name, type, size, purpose, at, slotUntil, expires } = storedObject(json);
    if (!isPurpose(purpose)) throw new TypeError('a file has an unknown purpose');
    return {
      owner: storedText(owner),
      name: storedText(name),
      type: type === undefined ? undefined : storedText(type),
      size: storedNumber(size),
      purpose,
      at: storedNumber(at),
      slotUntil: slotUntil === null ? null : storedNumber(slotUntil),
      expires: expires === null ? null : storedNumber(expires),
    };
  },
};

/** The same by host, owner, time and identifier, for lists. */
export const OWNED: TableSpec<number> = { name: 'upload.owned', parse: storedNumber };

/** By host, the time when something is to be removed, and its identifier. */
export const DUE: TableSpec<number> = { name: 'upload.due', parse: storedNumber };

/** By host and owner. */
export const USAGE: TableSpec<Usage> = {
  name: 'upload.usage',
  parse(json) {
    const { day, dayBytes, bytes, profileBytes, files, slots } = storedObject(json);
    return {
      day: storedNumber(day),
      dayBytes: storedNumber(dayBytes),
      bytes: storedNumber(bytes),
      profileBytes: storedNumber(profileBytes),
      files: storedNumber(files),
      slots: storedNumber(slots),
    };
  },
};
