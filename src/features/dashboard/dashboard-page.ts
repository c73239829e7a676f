import type { FeatureHost } from '../../core/feature.ts';
import { HttpError, type HttpRequest, type HttpResponse, jsonResponse, textResponse } from '../../http/message.ts';
import { html } from '../shared/html.ts';
import { page, pageResponse } from '../shared/page.ts';
import { insecureAnswer } from '../shared/secure-page.ts';
import { Assets } from './assets.ts';
import { gatherFigures } from './figures.ts';
import type { Live } from './live.ts';
import { languageOf } from './login-page.ts';
import { TEXTS } from './login-texts.ts';
import type { Viewers } from './viewers.ts';

const PATH = '/dashboard';
/** Nothing is loaded or sent but what is ours. */
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

export interface DashboardOptions {
  readonly host: FeatureHost;
  readonly viewers: Viewers;
  readonly live: Live;
}

/** Serves the page, its script and style, and what it shows: `figures`, and `events` as long as somebody looks. */
export function serveDashboard({ host, viewers, live }: DashboardOptions): void {
  const assets = new Assets();
  host.http('GET', PATH, async (request) => {
    const elsewhere = insecureAnswer(request, host);
    if (elsewhere !== undefined) return elsewhere;
    if ((await viewers.visitor(request)) === undefined)
      return { status: 303, headers: { location: 'dashboard/login' } };
    return shell(host, request, assets.areThere);
  });
  host.http('GET', `${PATH}/`, () => ({ status: 308, headers: { location: '../dashboard' } }));
  host.http('GET', `${PATH}/page.js`, (request) => assets.answer('js', request));
  host.http('GET', `${PATH}/page.css`, (request) => assets.answer('css', request));
  host.http('GET', `${PATH}/figures`, async (request) => {
    refuseInsecure(request, host);
    await viewers.require(request);
    return jsonResponse(200, await gatherFigures(host, chosenHost(request, host)));
  });
  host.http('GET', `${PATH}/events`, async (request) => {
    refuseInsecure(request, host);
    const viewer = await viewers.require(request);
    // Whoever wants to know only what there would be does not look.
    if (request.incoming.method === 'HEAD') return textResponse(200, 'text/event-stream');
    return live.open(viewer, chosenHost(request, host));
  });
}

/** What the page's script fills. */
function shell(host: FeatureHost, request: HttpRequest, isBuilt: boolean): HttpResponse {
  const lang = languageOf(request);
  const texts = TEXTS[lang];
  const missing = html`<p class="problem">${texts.page.missing}</p>`;
  const document = page({
    site: { name: host.domain, domain: host.domain },
    title: texts.title,
    lang,
    style: 'dashboard/page.css',
    scripts: isBuilt ? ['dashboard/page.js'] : [],
    header: html`<h1>${texts.title}</h1>
<div id="controls"></div>
<form method="post" action="dashboard/logout"><button>${texts.page.leave}</button></form>`,
    body: html`<div id="dashboard"></div>
<noscript><p class="problem">${texts.page.noScript}</p></noscript>
${!isBuilt && missing}`,
  });
  // With less, browsers would not say that the form is ours.
  const headers = { 'referrer-policy': 'same-origin' };
  return pageResponse(document, { status: isBuilt ? 200 : 503, policy: POLICY, isSecret: true, headers });
}

/** The host that a request names; undefined for all. Throws HttpError 404 when there is none of that name. */
function chosenHost({ query }: HttpRequest, { settings }: FeatureHost): string | undefined {
  const name = query.get('host') ?? '';
  if (name === '') return undefined;
  if (!Object.hasOwn(settings.current.hosts, name)) throw new HttpError(404, 'There is no such host.');
  return name;
}

/** Tokens and figures are not for connections in the clear. */
function refuseInsecure(request: HttpRequest, host: FeatureHost): void {
  if (insecureAnswer(request, host) !== undefined) throw new HttpError(403, 'This is for https only.');
}
