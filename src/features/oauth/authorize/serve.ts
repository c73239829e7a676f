import type { FeatureHost } from '../../../core/feature.ts';
import { HttpError, type HttpHandler, type HttpResponse } from '../../../http/message.ts';
import { OAUTH_PATHS } from '../../../oauth/server-metadata.ts';
import { passkeyScriptRoute } from '../../shared/passkey-form.ts';
import { insecureAnswer } from '../../shared/secure-page.ts';
import type { Provider } from '../provider.ts';
import { AuthorizationFlow } from './flow.ts';
import { ASSETS_PATH, Pages } from './pages.ts';

/** Opens the pages of a host, with the templates of its operator. Rejects with TypeError for one that cannot be used. */
export async function openPages({ host, config }: Pick<Provider, 'host' | 'config'>): Promise<Pages> {
  const pages = new Pages(host, config);
  await pages.reload();
  return pages;
}

/** Reads the templates again; those that cannot be used are told of in the log, and the pages stay as they are. */
export function reloadPages({ log, domain }: Pick<FeatureHost, 'log' | 'domain'>, pages: Pages): void {
  pages.reload().catch((error: unknown) => {
    if (!(error instanceof TypeError)) throw error;
    log.warn('oauth.templates-refused', { host: domain, reason: error.message });
  });
}

/** Serves the authorization endpoint, for people and never for scripts of other sites, and what its pages load. */
export function serveAuthorization(provider: Provider, pages: Pages): void {
  const { host, issuer } = provider;
  const flow = new AuthorizationFlow(provider, pages);
  const refuse = (error: HttpError): HttpResponse => pages.refused(error);
  const guarded =
    (run: HttpHandler): HttpHandler =>
    (request) => {
      if (issuer.url === undefined) throw new HttpError(404, 'Not found.');
      return insecureAnswer(request, host) ?? run(request);
    };
  for (const name of issuer.names) {
    const options = { host: name, refuse, refusesPreflight: true };
    host.http(
      'GET',
      OAUTH_PATHS.authorize,
      guarded((request) => flow.show(request)),
      options,
    );
    host.http(
      'POST',
      OAUTH_PATHS.authorize,
      guarded((request) => flow.submit(request)),
      options,
    );
    host.http('GET', '/oauth2/style.css', pages.style, { host: name });
    host.http('GET', '/oauth2/passkeys.js', passkeyScriptRoute, { host: name });
    host.http('GET', ASSETS_PATH, pages.assets, { host: name, prefix: true });
  }
}
