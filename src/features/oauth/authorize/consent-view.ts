import { type Html, html } from '../../shared/html.ts';
import { hiddenFields } from '../../shared/passkey-form.ts';
import type { Say, View } from './views.ts';

/** A scope that somebody can grant. */
export interface OfferedScope {
  readonly name: string;
  /** Whether it stands for everything that the account may do. */
  readonly isFull: boolean;
}

/** What the consent page shows. */
export interface ConsentFacts {
  readonly account: string;
  /** Names of the application are in the texts. */
  readonly website: string;
  readonly termsUri: string | undefined;
  readonly policyUri: string | undefined;
  /** Where the answer goes. */
  readonly target: ConsentTarget;
  readonly scopes: readonly OfferedScope[];
  readonly isAdmin: boolean;
  readonly userToken: string;
}

/** Where people go from the consent page: to a website, or to something else that has no name. */
export type ConsentTarget =
  | { readonly host: string }
  | 'self'
  | 'code'
  /** The code is the one that the device shows. */
  | { readonly userCode: string };

/** The roles that an account can give away have scopes that say the same. XEP-0493 §5. */
const SAME_AS: Readonly<Record<string, string | undefined>> = {
  normal: 'xmpp:client:normal',
  'account-read': 'xmpp:account:read',
  'account-write': 'xmpp:account:write',
};

/** The page on which people choose what an application may do. */
export function consentView(say: Say, facts: ConsentFacts): View {
  const { account, website, target, scopes, userToken } = facts;
  // What is answered at the host of the website is from there; all others only say so.
  const websiteLabel = isWebsite(target) ? 'consent.website' : 'consent.websiteClaimed';
  const body = html`<section class="card">
<h1>${say.plain('consent.title')}</h1>
<p class="lead">${say.html('consent.intro')}</p>
<dl class="facts">
<div><dt>${say.plain('consent.account')}</dt><dd>${account} <span class="quiet"><a href="">${say.plain('consent.change')}</a></span></dd></div>
<div><dt>${say.plain(websiteLabel)}</dt><dd>${webLink(website, hostOf(website))}</dd></div>
<div><dt>${say.plain('consent.next')}</dt><dd>${nextOf(say, target)}</dd></div>
</dl>
${isDevice(target) && html`<p class="notice">${say.plain('consent.device')}</p>`}
${warning(say, facts)}
<form method="post">
${hiddenFields({ user_token: userToken })}
<fieldset>
<legend>${say.plain('consent.scopes')}</legend>
${scopes.map((scope) => choice(say, scope))}</fieldset>
<div class="actions split">
<button name="consent" value="granted">${say.plain('consent.granted')}</button>
<button name="consent" value="denied" class="plain">${say.plain('consent.denied')}</button>
</div>
</form>
</section>
${information(say, facts)}
<p class="quiet">${say.plain('consent.revoke')}</p>`;
  return { name: 'consent', title: say.plain('consent.title'), body };
}

// Whoever was sent a link has not seen the code yet. RFC 8628 §3.3.1, §5.4.
function nextOf(say: Say, target: ConsentTarget): Html {
  if (isDevice(target)) return html`${say.plain('consent.nextDevice')} <b class="mono">${target.userCode}</b>`;
  if (isWebsite(target)) return html`${target.host}`;
  return html`${say.plain(target === 'self' ? 'consent.nextSelf' : 'consent.nextCode')}`;
}

function isWebsite(target: ConsentTarget): target is { readonly host: string } {
  return typeof target === 'object' && 'host' in target;
}

function isDevice(target: ConsentTarget): target is { readonly userCode: string } {
  return typeof target === 'object' && 'userCode' in target;
}

function warning(say: Say, { scopes, isAdmin }: ConsentFacts): Html | undefined {
  if (!scopes.some(({ isFull }) => isFull)) return undefined;
  return html`<p class="notice error">${say.plain(isAdmin ? 'consent.fullAdmin' : 'consent.full')}</p>`;
}

function choice(say: Say, { name, isFull }: OfferedScope): Html {
  const key = `scope.${isFull ? 'xmpp' : (SAME_AS[name] ?? name)}`;
  const keyOfMore = `${key}.more`;
  const title = say.has(key) ? say.html(key) : say.html('scope.role', { role: name });
  const more = say.has(keyOfMore) && say.html(keyOfMore);
  return html`<label class="choice${isFull && ' full'}"><input type="checkbox" name="scope" value="${name}" checked><span><b>${title}</b>${more && html`<span class="more">${more}</span>`}</span></label>
`;
}

function information(say: Say, { termsUri, policyUri }: ConsentFacts): Html | undefined {
  const links = [
    termsUri && webLink(termsUri, say.plain('consent.terms')),
    policyUri && webLink(policyUri, say.plain('consent.policy')),
  ].filter((link) => link !== undefined && link !== '');
  if (links.length === 0) return undefined;
  return html`<p class="quiet links">${say.plain('consent.informed')} ${links.map((link) => html`<span>${link}</span> `)}</p>`;
}

// Registration takes https only; what comes from a client is looked at again before somebody can click on it.
function webLink(uri: string, text: string): Html {
  if (!uri.startsWith('https://')) return html`${text}`;
  return html`<a href="${uri}" target="_blank" rel="noopener noreferrer nofollow">${text}</a>`;
}

function hostOf(uri: string): string {
  return URL.canParse(uri) ? new URL(uri).host : uri;
}
