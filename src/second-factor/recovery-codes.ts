import { readableSecret } from '../util/readable.ts';

/** How many an account gets at a time. */
export const RECOVERY_CODES = 10;

/** Returns new recovery codes, of 50 bits each: they are guessed online only, and slowly. */
export function newRecoveryCodes(): string[] {
  return Array.from({ length: RECOVERY_CODES }, () => readableSecret(2));
}

/** Returns a recovery code as it was made, however it was typed; undefined for what can be none. */
export function typedRecoveryCode(typed: string): string | undefined {
  const letters = typed.toLowerCase().replace(/[\s-]/g, '');
  return /^[a-z2-9]{10}$/.test(letters) ? letters.replace(/.{5}(?=.)/, '$&-') : undefined;
}
