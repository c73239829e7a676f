import type { PasskeyRequest } from '../../second-factor/api.ts';
import { field, notice } from '../../shared/form-fields.ts';
import { type Html, type HtmlValue, html } from '../../shared/html.ts';
import { hiddenFields, passkeyForm } from '../../shared/passkey-form.ts';
import { parseText } from './template.ts';
import type { PageName } from './templates.ts';
import type { TextName, Texts } from './texts.ts';

/** The content of a page. */
export interface View {
  readonly name: PageName;
  readonly title: string;
  readonly body: Html;
}

/** What is put into texts. */
export type TextValues = Readonly<Record<'site', string> & Partial<Record<'client' | 'account' | 'role', HtmlValue>>>;

const ERROR_ID = 'problem';

/** The texts of a page, in its language. */
export class Say {
  readonly #texts: Texts;
  readonly #values: TextValues;

  constructor(texts: Texts, values: TextValues) {
    this.#texts = texts;
    this.#values = values;
  }

  /** A text, with what belongs there put in. */
  html(name: TextName, values: Partial<TextValues> = {}): Html {
    return parseText(this.#texts[name]).fill({ ...this.#values, ...values });
  }

  /** A text as it is, for where there cannot be markup. */
  plain(name: TextName): string {
    return this.#texts[name];
  }

  /** Whether there is such a text. */
  has(name: string): name is TextName {
    return Object.hasOwn(this.#texts, name);
  }
}

/** The name of an application, set apart from the text around it: it may be in another direction. */
export function nameOf(client: string): Html {
  return html`<bdi>${client}</bdi>`;
}

/** The page on which people log in. */
export function loginView(
  say: Say,
  given: {
    readonly username: string | undefined;
    readonly error: TextName | undefined;
    readonly passkey: PasskeyRequest | undefined;
    readonly isForDevice: boolean;
  },
): View {
  const { username = '', error, passkey } = given;
  const problem = error === undefined ? undefined : ERROR_ID;
  const body = html`<section class="card">
<h1>${say.plain('login.title')}</h1>
<p>${say.html(given.isForDevice ? 'login.introDevice' : 'login.intro')}</p>
${errorNotice(say, error)}
<form method="post">
${field({ name: 'username', label: say.plain('login.username'), autocomplete: 'username', value: username, isFirst: username === '', problem })}
${field({ name: 'password', label: say.plain('login.password'), type: 'password', autocomplete: 'current-password', isFirst: username !== '', problem })}
<button class="full">${say.plain('login.submit')}</button>
</form>
${
  passkey &&
  passkeyForm({
    kind: 'get',
    options: passkey.options,
    hidden: { state: passkey.state },
    body: html`<p class="or">${say.plain('login.or')}</p>`,
    button: say.plain('login.passkey'),
    look: 'plain full',
    failed: say.plain('login.passkeyFailed'),
  })
}
</section>
<p class="quiet">${say.html('login.safety')}</p>`;
  return { name: 'login', title: say.plain('login.title'), body };
}

/** The page on which more than a password is asked for. */
export function secondView(
  say: Say,
  given: {
    readonly token: string;
    readonly error: TextName | undefined;
    readonly hasApp: boolean;
    readonly hasCodes: boolean;
    readonly passkey: PasskeyRequest | undefined;
  },
): View {
  const { token, error, hasApp, hasCodes, passkey } = given;
  const takesCodes = hasApp || hasCodes;
  const codeForm = html`<form method="post">
${hiddenFields({ login_token: token })}
${field({
  name: 'code',
  label: say.plain('second.code'),
  autocomplete: 'one-time-code',
  hint: say.plain(hasApp ? 'second.codeHint' : 'second.recoveryHint'),
  maxLength: 32,
  isCode: true,
  isFirst: true,
  problem: error === undefined ? undefined : ERROR_ID,
})}
<button class="full">${say.plain('second.submit')}</button>
</form>`;
  const passkeys =
    passkey &&
    passkeyForm({
      kind: 'get',
      options: passkey.options,
      hidden: { login_token: token, state: passkey.state },
      ...(takesCodes && { body: html`<p class="or">${say.plain('login.or')}</p>` }),
      button: say.plain('second.passkey'),
      look: takesCodes ? 'plain full' : 'full',
      failed: say.plain('login.passkeyFailed'),
      missing: takesCodes ? undefined : say.plain('second.passkeyMissing'),
    });
  const body = html`<section class="card">
<h1>${say.plain('second.title')}</h1>
<p>${say.html('second.intro')}</p>
${errorNotice(say, error)}
${takesCodes && codeForm}
${passkeys}
<p class="quiet"><a href="">${say.plain('second.startAgain')}</a></p>
</section>`;
  return { name: 'second', title: say.plain('second.title'), body };
}

/** The page on which people type the code that a device shows. */
export function deviceView(
  say: Say,
  { userCode = '', error }: { readonly userCode?: string | undefined; readonly error?: TextName | undefined },
): View {
  const body = html`<section class="card">
<h1>${say.plain('device.title')}</h1>
<p>${say.plain('device.intro')}</p>
${errorNotice(say, error)}
<form method="post" action="device">
${field({
  name: 'user_code',
  label: say.plain('device.code'),
  autocomplete: 'off',
  value: userCode,
  hint: userCode === '' || error !== undefined ? undefined : say.plain('device.check'),
  maxLength: 32,
  isCode: true,
  isFirst: true,
  problem: error === undefined ? undefined : ERROR_ID,
})}
<button class="full">${say.plain('device.submit')}</button>
</form>
</section>`;
  return { name: 'device', title: say.plain('device.title'), body };
}

/** The page that shows a code to be copied. */
export function codeView(say: Say, code: string): View {
  const body = html`<section class="card">
<h1>${say.plain('code.title')}</h1>
<p>${say.html('code.intro')}</p>
<p class="secret mono big">${code}</p>
<p class="quiet">${say.plain('code.warning')}</p>
</section>`;
  return { name: 'code', title: say.plain('code.title'), body };
}

/** The last page of a flow that leads nowhere else. */
export function endView(say: Say, name: 'granted' | 'denied'): View {
  const title = say.plain(`${name}.title`);
  const body = html`<section class="card">
<h1>${title}</h1>
<p role="status">${say.html(`${name}.text`)}</p>
</section>`;
  return { name, title, body };
}

/** The page of an error; `details` are for developers. */
export function errorView(say: Say, text: TextName, details?: string): View {
  const body = html`<section class="card">
<h1>${say.plain('error.title')}</h1>
<p role="alert">${say.html(text)}</p>
${details !== undefined && html`<p class="quiet"><code>${details}</code></p>`}
</section>`;
  return { name: 'error', title: say.plain('error.title'), body };
}

function errorNotice(say: Say, error: TextName | undefined): Html | undefined {
  return notice(error && say.plain(error), 'error', ERROR_ID);
}
