import type { HttpHandler } from '../../http/message.ts';
import { readPasskeyLibrary } from '../../second-factor/browser-script.ts';
import { type Html, html } from './html.ts';
import { assetResponse } from './page.ts';

/** A form by which a person makes or uses a passkey. It is there for browsers with JavaScript and passkeys only. */
export interface PasskeyForm {
  readonly kind: 'create' | 'get';
  /** What the browser's `navigator.credentials` is given, as JSON. */
  readonly options: string;
  /** What else is sent, by name; the answer is added as `response`. */
  readonly hidden: Readonly<Record<string, string>>;
  /** What is shown above the button. */
  readonly body?: Html;
  readonly button: string;
  /** A class of the button. */
  readonly look?: string;
  /** What is said when it does not work out; and where there are no passkeys, if anything. */
  readonly failed: string;
  readonly missing?: string | undefined;
}

/** Renders such a form; the page has to load the script of `passkeyScriptRoute`. */
export function passkeyForm(form: PasskeyForm): Html {
  const { kind, options, hidden, body, button, look = 'full', failed, missing } = form;
  return html`<form method="post" data-passkey="${kind}" data-options="${options}" hidden>
${hiddenFields({ ...hidden, response: '' })}
${body}
<p class="notice error" role="alert" hidden>${failed}</p>
<button class="${look}">${button}</button>
</form>
${missing === undefined ? undefined : html`<p class="notice" data-without-passkeys>${missing}</p>`}`;
}

/** Fields that are sent along with a form and not shown. */
export function hiddenFields(values: Readonly<Record<string, string>>): Html {
  return html`${Object.entries(values).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`)}`;
}

// Shows the forms where they are of use, and has the browser ask the person when one is sent.
const SCRIPT = `
if (window.PublicKeyCredential) {
  for (const notice of document.querySelectorAll('[data-without-passkeys]')) notice.hidden = true;
  for (const form of document.querySelectorAll('form[data-passkey]')) {
    form.hidden = false;
    form.addEventListener('submit', async (event) => {
      event.preventDefault();
      const problem = form.querySelector('[role=alert]');
      const button = form.querySelector('button');
      const { startAuthentication, startRegistration } = SimpleWebAuthnBrowser;
      const start = form.dataset.passkey === 'create' ? startRegistration : startAuthentication;
      problem.hidden = true;
      button.disabled = true;
      try {
        const answer = await start({ optionsJSON: JSON.parse(form.dataset.options) });
        form.elements.namedItem('response').value = JSON.stringify(answer);
        form.submit();
      } catch {
        problem.hidden = false;
        button.disabled = false;
      }
    });
  }
}
`;

let script: string | undefined;

/** Serves the script: that of the library, and ours. */
export const passkeyScriptRoute: HttpHandler = () => {
  script ??= `${readPasskeyLibrary()}${SCRIPT}`;
  return assetResponse('text/javascript; charset=utf-8', script);
};
