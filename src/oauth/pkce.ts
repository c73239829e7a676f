import { createHash, timingSafeEqual } from 'node:crypto';
import { OAuthError } from './errors.ts';
import type { Form } from './form.ts';

/** The methods of RFC 7636 §4.2. */
export const CODE_CHALLENGE_METHODS = ['S256', 'plain'] as const;
export type CodeChallengeMethod = (typeof CODE_CHALLENGE_METHODS)[number];

/** What an authorization code is bound to: only who knows the verifier may redeem it. RFC 7636 §4.4. */
export interface CodeChallenge {
  readonly challenge: string;
  readonly method: CodeChallengeMethod;
}

/** What is asked of challenges. */
export interface CodeChallengeRules {
  readonly methods: readonly CodeChallengeMethod[];
  readonly isRequired: boolean;
}

/** 43 to 128 unreserved characters. RFC 7636 §4.1, §4.2. */
const CODE = /^[A-Za-z0-9\-._~]{43,128}$/;

/** The challenge of an authorization request, if it has one. Throws OAuthError `invalid_request`. RFC 7636 §4.3, §4.4.1. */
export function readCodeChallenge(form: Form, { methods, isRequired }: CodeChallengeRules): CodeChallenge | undefined {
  const challenge = form.get('code_challenge');
  const name = form.get('code_challenge_method');
  if (challenge === undefined) {
    if (isRequired || name !== undefined) throw new OAuthError('invalid_request', 'A code_challenge is required.');
    return undefined;
  }
  const method = methods.find((known) => known === (name ?? 'plain'));
  if (method === undefined) throw new OAuthError('invalid_request', 'The code_challenge_method is not supported.');
  if (!CODE.test(challenge)) throw new OAuthError('invalid_request', 'The code_challenge is malformed.');
  return { challenge, method };
}

/**
 * Checks the verifier that came with a code. Throws OAuthError `invalid_grant`, also for a verifier of a code that is bound to
 * no challenge. RFC 7636 §4.6.
 */
export function checkCodeVerifier(bound: CodeChallenge | undefined, verifier: string | undefined): void {
  if (bound === undefined && verifier === undefined) return;
  if (bound === undefined) throw new OAuthError('invalid_grant', 'The code is bound to no code_challenge.');
  if (verifier === undefined) throw new OAuthError('invalid_grant', 'The code_verifier is missing.');
  const expected = Buffer.from(bound.challenge);
  const given = Buffer.from(bound.method === 'S256' ? challengeOf(verifier) : verifier);
  const isRight = CODE.test(verifier) && given.length === expected.length && timingSafeEqual(given, expected);
  if (!isRight) throw new OAuthError('invalid_grant', 'The code_verifier is wrong.');
}

/** The challenge of a verifier by S256. RFC 7636 §4.2. */
export function challengeOf(verifier: string): string {
  return createHash('sha256').update(verifier).digest('base64url');
}
