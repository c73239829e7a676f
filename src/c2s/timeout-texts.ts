import type { DeadlineKind } from '../stream/stream.ts';

/** What clients are told whose time is up. */
export const TIMEOUT_TEXTS: Readonly<Record<DeadlineKind, string>> = {
  header: 'no stream header in time',
  authentication: 'no login in time',
  bind: 'no resource bound in time',
  silence: 'nothing heard for too long',
  ping: 'no sign of life',
  close: 'the stream was not closed in time',
};
