import { Service } from '../../core/service.ts';

/** What keys are for: clients, or ID tokens. */
export const KEY_KINDS = ['registration', 'signing'] as const;
export type KeyKind = (typeof KEY_KINDS)[number];

/** The keys of applications' access, as operators change them. Those that the server made are the same for all hosts. */
export interface KeyRotation {
  /** Whether a key is given by the configuration, and can only be changed there. */
  isConfigured(kind: KeyKind): boolean;
  /** Makes another key, durably; what the one before signed is believed for so many milliseconds more. Used after {@link reopen}. */
  rotate(kind: KeyKind, overlapMs: number): Promise<void>;
  /** Uses what is kept now. */
  reopen(): Promise<void>;
}

/** Provided where applications may have access to accounts. */
export const keyRotation = new Service<KeyRotation>('oauthKeys');
