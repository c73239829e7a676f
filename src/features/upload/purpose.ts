/** The namespace of purposes. XEP-0363 §5. */
export const NS_PURPOSE = 'urn:xmpp:http:upload:purpose:0';

/** What may be switched off; `message`, the default of the specification, may not. */
export const OPTIONAL_PURPOSES = ['profile', 'ephemeral', 'permanent'] as const;
const PURPOSES = ['message', ...OPTIONAL_PURPOSES] as const;

/** What a file is uploaded for, which says how long it is kept. XEP-0363 §5. */
export type Purpose = (typeof PURPOSES)[number];

/** Whether a name, such as one that came from a peer, is that of a purpose. */
export function isPurpose(name: unknown): name is Purpose {
  return PURPOSES.some((purpose) => purpose === name);
}

const DAY_MS = 86_400_000;

/**
 * When a file is to be gone, in milliseconds since the Unix epoch; null: it stays. What the client wants of an ephemeral
 * file is an upper limit.
 */
export function expiryOf(
  { purpose, expireBefore }: { readonly purpose: Purpose; readonly expireBefore: number | undefined },
  { now, expireAfterDays }: { readonly now: number; readonly expireAfterDays: number | null },
): number | null {
  if (purpose === 'profile' || purpose === 'permanent') return null;
  const ends = expireAfterDays === null ? Number.POSITIVE_INFINITY : now + expireAfterDays * DAY_MS;
  const expires = Math.min(ends, expireBefore ?? Number.POSITIVE_INFINITY);
  return expires === Number.POSITIVE_INFINITY ? null : expires;
}
