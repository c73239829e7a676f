import { OAuthError } from '../../../oauth/errors.ts';
import type { Form } from '../../../oauth/form.ts';

/**
 * Reads `prompt`: whether the person is to be asked for consent even where it was given before. There are no cookies, so
 * nobody is logged in before. Throws OAuthError `login_required` or `account_selection_required` where a page would be needed
 * that the client does not want, `consent_required` for access that lasts. OpenID Connect Core §3.1.2.1, §11.
 */
export function readPrompt(query: Form, scopes: readonly string[]): boolean {
  const prompt = query.get('prompt');
  if (prompt === undefined) return true;
  const wanted = prompt.split(' ');
  if (wanted.includes('none') && wanted.length > 1) {
    throw new OAuthError('invalid_request', 'The prompt none stands alone.');
  }
  if (!wanted.includes('login')) throw new OAuthError('login_required', 'Nobody is logged in.');
  if (!wanted.includes('select_account') && query.get('login_hint') === undefined) {
    throw new OAuthError('account_selection_required', 'There is no login_hint.');
  }
  if (wanted.includes('consent')) return true;
  if (scopes.includes('offline_access')) throw consentRequired();
  return false;
}

/** The error where consent has to be asked for and the client does not want that. */
export function consentRequired(): OAuthError {
  return new OAuthError('consent_required', 'Consent is needed.');
}
