import { qrCode } from '../../second-factor/qr-code.ts';
import { field, notice } from '../shared/form-fields.ts';
import { type Html, html, trustedHtml } from '../shared/html.ts';
import { hiddenFields, passkeyForm } from '../shared/passkey-form.ts';
import type { Texts } from './account-texts.ts';
import type { PasskeyRequest } from './api.ts';

/** What a page shows. */
export interface View {
  readonly title: string;
  readonly body: Html;
}

/** The first page. */
export function loginView(
  { login: t }: Texts,
  given: {
    readonly username?: string | undefined;
    readonly error?: string;
    readonly passkey?: PasskeyRequest | undefined;
  },
): View {
  const { username, error, passkey } = given;
  const body = html`<section class="card">
<h1>${t.title}</h1>
<p class="quiet">${t.intro}</p>
${notice(error, 'error')}
<form method="post">
${hiddenFields({ action: 'login' })}
${field({ name: 'username', label: t.username, autocomplete: 'username', value: username, isFirst: true })}
${field({ name: 'password', label: t.password, type: 'password', autocomplete: 'current-password' })}
<button class="full">${t.submit}</button>
</form>
${
  passkey &&
  passkeyForm({
    kind: 'get',
    options: passkey.options,
    hidden: { action: 'passkey', state: passkey.state },
    body: html`<p class="or">${t.or}</p>`,
    button: t.passkey,
    look: 'plain full',
    failed: t.passkeyFailed,
  })
}
</section>`;
  return { title: t.title, body };
}

/** The page on which more than a password is asked for. */
export function secondStepView(
  texts: Texts,
  given: {
    readonly jid: string;
    readonly token: string;
    readonly error?: string | undefined;
    readonly hasApp: boolean;
    readonly hasCodes: boolean;
    readonly passkey: PasskeyRequest | undefined;
  },
): View {
  const { second: t, login } = texts;
  const { jid, token, error, hasApp, hasCodes, passkey } = given;
  const code = html`<form method="post">
${hiddenFields({ action: 'code', token })}
${field({
  name: 'code',
  label: t.code,
  autocomplete: 'one-time-code',
  hint: hasApp ? t.codeHint : t.recoveryHint,
  maxLength: 32,
  isCode: true,
  isFirst: true,
})}
<button class="full">${t.submit}</button>
</form>`;
  const key =
    passkey &&
    passkeyForm({
      kind: 'get',
      options: passkey.options,
      hidden: { action: 'second-passkey', token, state: passkey.state },
      ...((hasApp || hasCodes) && { body: html`<p class="or">${login.or}</p>` }),
      button: t.passkey,
      look: hasApp ? 'plain full' : 'full',
      failed: login.passkeyFailed,
      missing: hasApp || hasCodes ? undefined : texts.passkey.missing,
    });
  const body = html`<section class="card">
<h1>${t.title}</h1>
<p>${t.intro(jid)}</p>
${notice(error, 'error')}
${(hasApp || hasCodes) && code}
${key}
<p class="quiet"><a href="account">${t.startAgain}</a></p>
</section>`;
  return { title: t.title, body };
}

/** The page on which an authenticator app is set up. */
export function appView(
  { app: t }: Texts,
  given: {
    readonly token: string;
    readonly state: string;
    readonly uri: string;
    readonly secret: string;
    readonly error?: string | undefined;
  },
): View {
  const { token, state, uri, secret, error } = given;
  const body = html`<section class="card">
<h1>${t.title}</h1>
${notice(error, 'error')}
<p>${t.scan}</p>
<div class="qr" role="img" aria-label="${t.alt}">${trustedHtml(qrCode(uri))}</div>
<p><a href="${uri}">${t.open}</a></p>
<p>${t.type}</p>
<p class="secret mono">${secret.replace(/.{4}(?=.)/g, '$& ')}</p>
<form method="post">
${hiddenFields({ token, state })}
${field({ name: 'code', label: t.code, autocomplete: 'one-time-code', maxLength: 32, isCode: true })}
<div class="actions">
<button name="action" value="app-confirm">${t.submit}</button>
<button name="action" value="overview" class="plain" formnovalidate>${t.cancel}</button>
</div>
</form>
</section>`;
  return { title: t.title, body };
}

/** The page on which a passkey is made. */
export function newPasskeyView(
  { passkey: t, app }: Texts,
  given: { readonly token: string; readonly passkey: PasskeyRequest; readonly error?: string | undefined },
): View {
  const { token, passkey, error } = given;
  const body = html`<section class="card">
<h1>${t.title}</h1>
${notice(error, 'error')}
${passkeyForm({
  kind: 'create',
  options: passkey.options,
  hidden: { action: 'passkey-add', token, state: passkey.state },
  body: html`<p>${t.intro}</p>
${field({ name: 'name', label: t.name, autocomplete: 'off', maxLength: 64, isFirst: true })}`,
  button: t.submit,
  failed: t.failed,
  missing: t.missing,
})}
<form method="post">
${hiddenFields({ action: 'overview', token })}
<div class="actions"><button class="plain full">${app.cancel}</button></div>
</form>
</section>`;
  return { title: t.title, body };
}

/** The page that shows recovery codes, once. */
export function codesView(
  { codes: t }: Texts,
  given: { readonly token: string; readonly codes: readonly string[]; readonly done?: string | undefined },
): View {
  const { token, codes, done } = given;
  const body = html`<section class="card">
<h1>${t.title}</h1>
${notice(done, 'good')}
<p>${t.intro}</p>
<ol class="codes mono">
${codes.map((code) => html`<li>${code}</li>\n`)}</ol>
<form method="post">
${hiddenFields({ action: 'overview', token })}
<button class="full">${t.done}</button>
</form>
</section>`;
  return { title: t.title, body };
}

/** The page of an error that nobody can do anything about on another page. */
export function errorView({ error: t }: Texts, text: string): View {
  const body = html`<section class="card">
<h1>${t.title}</h1>
<p role="alert">${text}</p>
<p><a href="account">${t.back}</a></p>
</section>`;
  return { title: t.title, body };
}
