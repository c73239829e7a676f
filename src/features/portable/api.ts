import type { Host } from '../../core/host.ts';
import { Service } from '../../core/service.ts';

/** An account that is to be written. */
export interface Leaving {
  readonly host: Host;
  /** A prepared localpart. */
  readonly local: string;
}

/** Where a document is read from. */
export interface ImportSource {
  readonly chunks: AsyncIterable<Buffer>;
  /** Opens a document that this one includes. Throws CommandError when it cannot be. XEP-0227 §5. */
  include(href: string): Promise<AsyncIterable<Buffer>>;
}

export interface ImportOptions {
  readonly hosts: ReadonlyMap<string, Host>;
  /** Takes the users of the document's one host up into this one. */
  readonly into?: Host | undefined;
  /** Gives accounts that exist the passwords of the document. */
  readonly replacePasswords: boolean;
  /** Makes those administrators who were. */
  readonly keepAdmins: boolean;
  /** Is told every now and then how many elements have been read, for people to watch. */
  readonly progress: (elements: number) => void;
}

/** What one part of all accounts came to, in numbers of whatever it has. */
export type PartSummary = {
  readonly name: string;
  readonly taken: number;
  readonly present: number;
  readonly skipped: number;
};

/** What became of a document. */
export type ImportSummary = {
  readonly added: number;
  readonly merged: number;
  readonly parts: readonly PartSummary[];
  /** What was left out, and why; beyond a few hundred only their number is known. */
  readonly notes: readonly string[];
  readonly moreNotes: number;
  /** What is wrong with the document: it was taken up as far as it could be read. */
  readonly faults: readonly string[];
  /** The accounts that it broke off in. */
  readonly incomplete: readonly string[];
};

/** Writes accounts as a document of XEP-0227, and takes them up from one. */
export interface Portability {
  /** The document in pieces; `written` is called after each account. */
  write(accounts: AsyncIterable<Leaving>, written: (account: Leaving) => void): AsyncIterable<string>;
  /** Takes up what a document says. What the accounts have already stays, so that twice is the same as once. */
  read(source: ImportSource, options: ImportOptions): Promise<ImportSummary>;
}

/** Provided where accounts can be moved. */
export const portability = new Service<Portability>('portability');
