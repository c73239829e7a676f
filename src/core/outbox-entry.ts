import type { Fork } from './fork.ts';

/** Where stanzas leave. */
export interface Exit {
  readonly bufferedBytes: number;
  send(xml: string): void;
}

/** A stanza that a session has not acknowledged, or that has not left yet. */
export interface OutboxEntry {
  /** As it is sent: a text is cheaper to keep than what it was made of. */
  readonly xml: string;
  /** When it came: to this session or, with a fork that knows better, to us; in milliseconds since the epoch. */
  readonly at: number;
  /** For a message that must not be lost; undefined for what is of use to this session only. */
  readonly fork: Fork | undefined;
  /** What it waits for, or has waited for; undefined when nothing. */
  readonly stored: Promise<unknown> | undefined;
  state: 'pending' | 'ready' | 'dropped';
}
