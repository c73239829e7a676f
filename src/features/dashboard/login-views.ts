import type { PasskeyRequest } from '../second-factor/api.ts';
import { field, notice } from '../shared/form-fields.ts';
import { type Html, html } from '../shared/html.ts';
import { hiddenFields, passkeyForm } from '../shared/passkey-form.ts';
import type { Texts } from './login-texts.ts';

/** What a page shows. */
export interface View {
  readonly title: string;
  readonly body: Html;
}

const PROBLEM = 'problem';

/** The page on which somebody logs in. */
export function loginView(
  t: Texts,
  given: {
    readonly username?: string | undefined;
    readonly error?: string | undefined;
    readonly passkey: PasskeyRequest | undefined;
  },
): View {
  const { username, error, passkey } = given;
  const problem = error === undefined ? undefined : PROBLEM;
  const body = html`<section class="card">
<h1>${t.title}</h1>
<p class="quiet">${t.intro}</p>
${notice(error, 'error', PROBLEM)}
<form method="post" action="login">
${hiddenFields({ action: 'login' })}
${field({ name: 'username', label: t.username, autocomplete: 'username', value: username, isFirst: true, problem })}
${field({ name: 'password', label: t.password, type: 'password', autocomplete: 'current-password', problem })}
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
    readonly hasCodes: boolean;
    readonly passkey: PasskeyRequest | undefined;
  },
): View {
  const { second: t } = texts;
  const { jid, token, error, hasCodes, passkey } = given;
  const problem = error === undefined ? undefined : PROBLEM;
  const code = html`<form method="post" action="login">
${hiddenFields({ action: 'code', token })}
${field({ name: 'code', label: t.code, autocomplete: 'one-time-code', hint: t.hint, maxLength: 32, isCode: true, isFirst: true, problem })}
<button class="full">${t.submit}</button>
</form>`;
  const key =
    passkey &&
    passkeyForm({
      kind: 'get',
      options: passkey.options,
      hidden: { action: 'second-passkey', token, state: passkey.state },
      ...(hasCodes && { body: html`<p class="or">${texts.or}</p>` }),
      button: t.passkey,
      look: hasCodes ? 'plain full' : 'full',
      failed: texts.passkeyFailed,
    });
  const body = html`<section class="card">
<h1>${t.title}</h1>
<p>${t.intro(jid)}</p>
${notice(error, 'error', PROBLEM)}
${hasCodes && code}
${key}
<p class="quiet"><a href="login">${t.startAgain}</a></p>
</section>`;
  return { title: t.title, body };
}
