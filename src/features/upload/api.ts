import { Service } from '../../core/service.ts';
import type { Purpose } from './purpose.ts';

/** A file that a user has uploaded. Times are in milliseconds since the Unix epoch. */
export interface UploadedFile {
  /** Whoever knows it can read the file: the link is made of it. */
  readonly id: string;
  readonly name: string;
  /** The media type. */
  readonly type: string;
  readonly bytes: number;
  readonly purpose: Purpose;
  readonly at: number;
  /** When it is to be gone; null: it stays. */
  readonly expires: number | null;
  /** Where it can be read; undefined while clients cannot reach the server over TLS. */
  readonly url: string | undefined;
}

/** What an account uses of what it may; null: no limit. Slots that were not used yet count. */
export interface UploadUsage {
  readonly files: number;
  readonly bytes: number;
  readonly todayBytes: number;
  readonly maxFiles: number;
  readonly maxBytes: number | null;
  readonly maxTodayBytes: number | null;
}

/** The files of the accounts of one host. Localparts are prepared ones. */
export interface OwnFiles {
  /** From the newest to the oldest. */
  list(local: string): AsyncIterable<UploadedFile>;
  /** Removes a file of an account; false if it has none of that identifier. */
  remove(local: string, id: string): Promise<boolean>;
  /** Removes the files of an account that were uploaded before a time; returns how many. */
  removeOlder(local: string, before: number): Promise<number>;
  usage(local: string): Promise<UploadUsage>;
}

/** Provided where users may upload files. */
export const ownFiles = new Service<OwnFiles>('ownFiles');
