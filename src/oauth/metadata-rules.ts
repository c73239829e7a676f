import type { ListRule, TextRule } from './metadata-reading.ts';

/** What the texts of a client's metadata must be. RFC 7591 §2. */
export const TEXTS = {
  name: { maxChars: 128 },
  uri: { maxChars: 1024 },
  scope: { maxChars: 1024 },
  version: { maxChars: 64 },
  softwareId: {
    maxChars: 36,
    pattern: /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i,
    message: 'must be a UUID',
  },
  contact: { maxChars: 254, pattern: /^[^\s@]{1,64}@[^\s@]+$/u, message: 'must be an e-mail address' },
} satisfies Record<string, TextRule>;

/** How long its lists may be. */
export const LISTS = {
  any: { minItems: 0, maxItems: 16 },
  some: { minItems: 1, maxItems: 16 },
} satisfies Record<string, ListRule>;

/** The links that a client may show beside its website. */
export const INFORMATIVE_URIS = ['logo_uri', 'tos_uri', 'policy_uri'] as const;
