import type { EntryId, JournalSpec, TableSpec } from '../../store/store.ts';
import { storedNumber, storedObject, storedText, storedTexts } from '../shared/stored.ts';

/** What is archived by default. XEP-0441 §4.1. */
export type DefaultPreference = 'always' | 'never' | 'roster';

/** Whose messages an account wants archived; addresses as text. XEP-0441. */
export interface Preferences {
  readonly default: DefaultPreference;
  readonly always: readonly string[];
  readonly never: readonly string[];
}

/** What is known of an archive without reading it. There is none for an archive that never had a message. */
export interface ArchiveRecord {
  /** Up to which message the index of conversations reaches; empty when it has not begun. */
  readonly indexed: EntryId;
  /** The position of that message; −1 when there is none. */
  readonly indexedPosition: number;
  readonly preferences: Preferences | undefined;
  /** For how many days messages are kept, where that differs from what the host does; null for ever. */
  readonly keepDays: number | null | undefined;
  /** Messages from elsewhere were put between the others, and none is numbered yet. */
  readonly isUnnumbered: boolean | undefined;
}

/** A message as it is kept: its position in the archive, the bare JID of the other side, and its markup. Addresses have no spaces. */
export type StoredMessage = readonly [position: number, peer: string, xml: string];

/** The messages of all archives. */
export const MESSAGES: JournalSpec<StoredMessage> = {
  name: 'mam',
  // Put together and not copied: of what both sides keep, the stanza is one and the same text until it is written.
  format: ([position, peer, xml]) => `${position} ${peer} ${xml}`,
  parse(text) {
    const line = storedText(text);
    const peerAt = line.indexOf(' ') + 1;
    const xmlAt = line.indexOf(' ', peerAt) + 1;
    const position = Number(line.slice(0, peerAt));
    if (peerAt < 2 || xmlAt < peerAt + 2 || !Number.isInteger(position)) {
      throw new TypeError('an archived message is damaged');
    }
    return [position, line.slice(peerAt, xmlAt - 1), line.slice(xmlAt)];
  },
};

/** What is known of each archive. */
export const ARCHIVES: TableSpec<ArchiveRecord> = {
  name: 'mam.archive',
  parse(json) {
    const { indexed, indexedPosition, preferences, keepDays, isUnnumbered } = storedObject(json);
    return {
      indexed: storedText(indexed),
      indexedPosition: storedNumber(indexedPosition),
      preferences: preferences === undefined ? undefined : storedPreferences(preferences),
      keepDays: keepDays === undefined || keepDays === null ? keepDays : storedNumber(keepDays),
      isUnnumbered: isUnnumbered === true ? true : undefined,
    };
  },
};

/** Some messages of one conversation that follow each other. */
export interface Stretch {
  /** The position in the conversation of the first of them. */
  readonly position: number;
  readonly ids: readonly EntryId[];
}

/**
 * Which messages of an archive belong to each conversation, in stretches under the identifier of their first message; the last one
 * under a mark, until it is full.
 */
export const CONVERSATIONS: TableSpec<Stretch> = {
  name: 'mam.conversation',
  parse(json) {
    const { position, ids } = storedObject(json);
    return { position: storedNumber(position), ids: storedTexts(ids) };
  },
};

function storedPreferences(json: unknown): Preferences {
  const { default: preference, always, never } = storedObject(json);
  if (preference !== 'always' && preference !== 'never' && preference !== 'roster') {
    throw new TypeError('a stored preference is none');
  }
  return { default: preference, always: storedTexts(always), never: storedTexts(never) };
}
