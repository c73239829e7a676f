import type { Client } from '../client-management/api.ts';
import { field, notice } from '../shared/form-fields.ts';
import { type Html, html } from '../shared/html.ts';
import { hiddenFields } from '../shared/passkey-form.ts';
import type { Texts } from './account-texts.ts';
import type { View } from './account-views.ts';
import type { FactorSummary } from './api.ts';
import type { OwnPasskey } from './record.ts';

/** What there is to see and do in an account. */
export interface Overview {
  readonly jid: string;
  readonly token: string;
  readonly done: string | undefined;
  readonly error: string | undefined;
  readonly factors: FactorSummary;
  readonly passkeys: readonly OwnPasskey[];
  /** Whether passkeys can be had where the page is served. */
  readonly hasPasskeys: boolean;
  /** Whether there is another way in for clients than the password. */
  readonly hasApprovedApps: boolean;
  /** Undefined where nobody keeps records of them. */
  readonly clients: readonly Client[] | undefined;
  /** Whether the password can be changed here, and whether the current one is to be given. */
  readonly password: 'fixed' | 'asked' | 'known';
  /** Writes a time. */
  readonly when: (at: number) => string;
}

/** The page that somebody sees who has logged in. */
export function overviewView(texts: Texts, overview: Overview): View {
  const { overview: t } = texts;
  const { jid, done, error } = overview;
  const body = html`<div class="wide">
<section class="card">
<h1>${t.title}</h1>
${notice(done, 'good')}
${notice(error, 'error')}
<p>${t.loggedInAs} <strong>${jid}</strong></p>
<p><a href="account">${t.leave}</a> <span class="quiet">${t.shared}</span></p>
</section>
${factorsCard(texts, overview)}
${overview.clients && clientsCard(texts, overview, overview.clients)}
${overview.password !== 'fixed' && passwordCard(texts, overview)}
</div>`;
  return { title: t.title, body };
}

interface Button {
  /** What it is about, for whoever hears several buttons of one text. */
  readonly about?: { readonly id: string; readonly name: string };
  readonly look?: string;
}

/** A form that is only a button. */
function button(token: string, action: string, text: string, { about, look = '' }: Button = {}): Html {
  const label = about && html` aria-label="${text}: ${about.name}"`;
  const hidden = hiddenFields({ action, token, ...(about && { id: about.id }) });
  return html`<form method="post">${hidden}<button class="${look}"${label}>${text}</button></form>`;
}

function factorsCard(texts: Texts, overview: Overview): Html {
  const { factors: t } = texts;
  const { factors, hasApprovedApps } = overview;
  return html`<section class="card">
<h2>${t.title} ${state(t, factors.isRequired)}</h2>
<p class="quiet">${t.intro}</p>
${appPart(texts, overview)}
${passkeysPart(texts, overview)}
${factors.isRequired && recoveryPart(texts, overview)}
${(factors.refusesPasswords || (factors.isRequired && hasApprovedApps)) && appsPart(texts, overview)}
</section>`;
}

function state(t: Texts['factors'], isOn: boolean): Html {
  return html`<span class="state ${isOn && 'on'}">${isOn ? t.on : t.off}</span>`;
}

function appPart({ factors: t }: Texts, { token, factors }: Overview): Html {
  return html`<h3>${t.app} ${state(t, factors.totp)}</h3>
<p class="quiet">${t.appIntro}</p>
${button(token, 'app-begin', factors.totp ? t.appReplace : t.appStart, factors.totp ? { look: 'plain' } : {})}
${factors.totp && confirmed(t.turnOff, t.appOff, button(token, 'app-remove', t.turnOff, { look: 'danger' }))}`;
}

/** Something that cannot be undone asks to be opened first. */
function confirmed(summary: string, text: string, act: Html): Html {
  return html`<details><summary>${summary}</summary><p class="quiet">${text}</p>${act}</details>`;
}

function passkeysPart({ factors: t }: Texts, { token, passkeys, hasPasskeys, when }: Overview): Html {
  const row = ({ id, name, createdAt, usedAt }: OwnPasskey): Html => html`<li>
<div><p><strong>${name}</strong></p>
<p class="quiet">${t.added(when(createdAt))}, ${usedAt === undefined ? t.neverUsed : t.used(when(usedAt))}</p></div>
<details><summary>${t.rename}</summary>
<form method="post" class="inline">${hiddenFields({ action: 'passkey-rename', token, id })}
<input name="name" value="${name}" maxlength="64" required autocomplete="off" aria-label="${t.name}">
<button class="plain">${t.rename}</button></form></details>
${button(token, 'passkey-remove', t.remove, { about: { id, name }, look: 'danger' })}
</li>`;
  return html`<h3>${t.passkeys} ${state(t, passkeys.length > 0)}</h3>
<p class="quiet">${t.passkeysIntro}</p>
${passkeys.length > 0 && html`<ul class="rows">${passkeys.map(row)}</ul>`}
${
  hasPasskeys
    ? button(token, 'passkey-begin', t.passkeyNew, passkeys.length > 0 ? { look: 'plain' } : {})
    : html`<p class="notice">${t.noPasskeysHere}</p>`
}`;
}

function recoveryPart({ factors: t }: Texts, { token, factors }: Overview): Html {
  return html`<h3>${t.recovery} <span class="state">${t.recoveryLeft(factors.recoveryCodes)}</span></h3>
<p class="quiet">${t.recoveryIntro}</p>
${confirmed(t.recoveryNew, t.recoveryNewHint, button(token, 'codes', t.recoveryNew, { look: 'plain' }))}`;
}

function appsPart({ factors: t }: Texts, { token, factors: { refusesPasswords } }: Overview): Html {
  const [action, text] = refusesPasswords ? ['passwords-allow', t.appsOff] : ['passwords-refuse', t.appsOn];
  return html`<h3>${t.apps} ${state(t, refusesPasswords)}</h3>
<p class="quiet">${t.appsIntro}</p>
${button(token, action, text, { look: 'plain' })}`;
}

function clientsCard({ clients: t }: Texts, { token, when }: Overview, clients: readonly Client[]): Html {
  const row = (client: Client): Html => {
    const { id, isConnected, lastSeen, markers, agent } = client;
    const name = [agent.software ?? t.unknown, agent.softwareVersion].filter(Boolean).join(' ');
    const facts = [...markers.map((marker) => t.markers[marker]), t.lastSeen(when(lastSeen))];
    return html`<li>
<div><p><strong>${name}</strong> ${agent.device !== undefined && t.on(agent.device)} ${isConnected && html`<span class="state on">${t.connected}</span>`}</p>
<p class="quiet">${facts.join(' · ')}</p></div>
${button(token, 'revoke', t.revoke, { about: { id, name }, look: 'danger' })}
</li>`;
  };
  return html`<section class="card">
<h2>${t.title}</h2>
<p class="quiet">${clients.length === 0 ? t.none : t.intro}</p>
${clients.length > 0 && html`<ul class="rows">${clients.toReversed().map(row)}</ul>`}
</section>`;
}

function passwordCard({ password: t }: Texts, { token, password }: Overview): Html {
  return html`<section class="card">
<h2>${t.title}</h2>
<details><summary>${t.change}</summary>
<form method="post">
${hiddenFields({ action: 'password', token })}
${password === 'asked' && field({ name: 'current', label: t.current, type: 'password', autocomplete: 'current-password' })}
${field({ name: 'next', label: t.next, type: 'password', autocomplete: 'new-password', hint: t.hint })}
${field({ name: 'again', label: t.again, type: 'password', autocomplete: 'new-password' })}
<button>${t.submit}</button>
</form>
</details>
</section>`;
}
