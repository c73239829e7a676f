// The frame of every page that is served to people: the login and consent pages of OAuth and the account page. There are no
// cookies, and no script is needed to use a page. Links within are relative, as a proxy may serve us below a path.

import type { HttpHandler, HttpResponse } from '../../http/message.ts';
import { SOFTWARE_NAME } from '../../util/software.ts';
import { type Html, html } from './html.ts';
import { STYLE } from './page-style.ts';

/** Whose page it is. */
export interface Site {
  /** For people, such as `Example Chat`; where the operator has chosen none, the domain. */
  readonly name: string;
  readonly domain: string;
}

/** A page in its frame. */
export interface Page {
  readonly site: Site;
  readonly title: string;
  /** The language of its texts: a tag of BCP 47. */
  readonly lang: string;
  readonly body: Html;
  /** Where `styleRoute` serves the style, relative to the page. */
  readonly style: string;
  /** Scripts of our own origin, relative to the page; each is loaded once the page is there. */
  readonly scripts?: readonly string[];
  /** In the place of the name above the page. */
  readonly header?: Html | undefined;
  /** In the place of the line below the page. */
  readonly footer?: Html | undefined;
}

/** Renders a page as a whole document. */
export function page({ site, title, lang, body, style, scripts = [], ...frame }: Page): string {
  const header = frame.header ?? html`<p>${site.name}</p>`;
  const footer = frame.footer ?? html`<p>${SOFTWARE_NAME} · ${site.domain}</p>`;
  const document = html`<!DOCTYPE html>
<html lang="${lang}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<meta name="color-scheme" content="light dark">
<title>${title} – ${site.name}</title>
<link rel="stylesheet" href="${style}">
<link rel="icon" href="data:,">
${scripts.map((source) => html`<script src="${source}" defer></script>\n`)}</head>
<body>
<header class="site">${header}</header>
<main>
${body}
</main>
<footer class="site">${footer}</footer>
</body>
</html>
`;
  return document.markup;
}

/** How a page is answered; by default with 200. */
export interface PageAnswer {
  readonly status?: number;
  /** Whether nothing may be kept of it, because it shows a secret. */
  readonly isSecret?: boolean;
  /** The Content-Security-Policy. */
  readonly policy?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What a page may load and do unless the operator says otherwise: what we serve ourselves. */
export const PAGE_POLICY = "default-src 'self'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'";

/** Makes the answer that carries a page: nobody may frame it, guess its type, keep it for others, or learn where it was. */
export function pageResponse(document: string, answer: PageAnswer = {}): HttpResponse {
  const { status = 200, isSecret = false, policy = PAGE_POLICY, headers = {} } = answer;
  return {
    status,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': policy,
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'cache-control': isSecret ? 'no-store' : 'no-cache, private',
      pragma: 'no-cache',
      ...headers,
    },
    body: document,
  };
}

/** Serves the style of all pages. */
export const styleRoute: HttpHandler = () => assetResponse('text/css; charset=utf-8', STYLE);

/** Makes the answer that carries a style or a script of ours. */
export function assetResponse(type: string, body: string | Uint8Array): HttpResponse {
  return { status: 200, headers: { 'content-type': type, 'cache-control': 'public, max-age=3600' }, body };
}
