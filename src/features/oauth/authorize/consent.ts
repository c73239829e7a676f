import { ownRole } from '../../../core/roles.ts';
import type { HttpResponse } from '../../../http/message.ts';
import type { CounterMetric } from '../../../metrics/metrics.ts';
import { OAuthError } from '../../../oauth/errors.ts';
import type { Form } from '../../../oauth/form.ts';
import { roleOf } from '../../../oauth/scopes.ts';
import type { Approval } from '../approval.ts';
import type { Provider } from '../provider.ts';
import { assumableScopes, roleOfScopes } from '../rights.ts';
import type { Answers } from './answers.ts';
import { type ConsentTarget, consentView } from './consent-view.ts';
import type { Identities, KnownUser } from './identity.ts';
import type { Visit } from './login.ts';
import type { Pages } from './pages.ts';
import { consentRequired } from './prompt.ts';
import type { AuthorizationRequest, Target } from './request.ts';

export interface ConsentStepOptions {
  readonly provider: Provider;
  readonly pages: Pages;
  readonly identities: Identities;
  readonly answers: Answers;
}

/** The page on which the owner of an account decides what an application may do. */
export class ConsentStep {
  readonly #options: ConsentStepOptions;
  readonly #decisions: CounterMetric<'outcome'>;

  constructor(options: ConsentStepOptions) {
    this.#options = options;
    this.#decisions = options.provider.host.metrics.counter({
      name: 'oauth_consents_total',
      help: 'Applications that asked for access, by what the owners of accounts decided.',
      labels: ['outcome'],
    });
  }

  /**
   * Shows the page; where the client does not want it and has been granted the same before, grants it again. Rejects with
   * OAuthError.
   */
  async show(visit: Visit, known: KnownUser): Promise<HttpResponse> {
    const { request } = visit;
    const scopes = this.#offered(request, known);
    if (scopes.length === 0) throw nothingGranted();
    if (request.asksConsent) return this.#page(visit, known, scopes);
    const earlier = await this.#options.provider.tokens.grantedTo(known.identity.jid.local, request.client.hash);
    if (!earlier.some((granted) => isSame(granted, scopes))) throw consentRequired();
    return this.#grant(visit, known, scopes);
  }

  /** Takes the decision. Rejects with OAuthError. */
  async submit(visit: Visit, known: KnownUser, form: Form): Promise<HttpResponse> {
    const { provider } = this.#options;
    if (form.get('consent') !== 'granted') {
      this.#decisions.add({ outcome: 'denied' });
      const { client } = visit.request;
      provider.host.log.info('oauth.denied', { ...whoOf(known), client: client.metadata.client_name });
      throw new OAuthError('access_denied', 'The owner of the account denied access.');
    }
    // What was not offered is not granted, whoever added it to the form.
    const chosen = form.all('scope');
    const scopes = this.#offered(visit.request, known).filter((scope) => chosen.includes(scope));
    if (scopes.length === 0) throw nothingGranted();
    return this.#grant(visit, known, scopes);
  }

  async #grant({ request, language }: Visit, known: KnownUser, scopes: readonly string[]): Promise<HttpResponse> {
    const { provider, answers } = this.#options;
    const { host } = provider;
    const { identity, user } = known;
    const approval: Approval = {
      ...identity,
      scopes,
      role: roleOfScopes(scopes, ownRole(host.settings.current, user)),
      nonce: request.nonce,
    };
    const answer = await answers.approved(request, language, approval);
    this.#decisions.add({ outcome: 'granted' });
    const client = request.client.metadata.client_name;
    host.log.info('oauth.granted', { ...whoOf(known), client, scope: scopes.join(' ') });
    return answer;
  }

  #offered({ scopes }: AuthorizationRequest, { user }: KnownUser): readonly string[] {
    return assumableScopes(scopes, ownRole(this.#options.provider.host.settings.current, user));
  }

  async #page(visit: Visit, { identity, user }: KnownUser, scopes: readonly string[]): Promise<HttpResponse> {
    const { provider, pages, identities } = this.#options;
    const { request, language } = visit;
    const { client, target } = request;
    const account = identity.jid.toString();
    const own = ownRole(provider.host.settings.current, user);
    const view = consentView(pages.say(language, client, { account }), {
      account,
      website: client.localised('client_uri', language) ?? '',
      termsUri: client.localised('tos_uri', language),
      policyUri: client.localised('policy_uri', language),
      target: consentTarget(target),
      // The names of roles and `xmpp` alike.
      scopes: scopes.map((name) => ({ name, isFull: roleOf<string>([name], own, []) === own })),
      isAdmin: own === 'admin',
      userToken: await identities.token('consent', request.binding, identity),
    });
    return pages.respond(language, view, { isSecret: true });
  }
}

function consentTarget(target: Target): ConsentTarget {
  if (target.kind === 'device') return { userCode: target.device.userCode };
  if (target.kind === 'out-of-band') return 'code';
  return target.uri.startsWith('https://') ? { host: new URL(target.uri).host } : 'self';
}

function isSame(granted: readonly string[], scopes: readonly string[]): boolean {
  return granted.length === scopes.length && scopes.every((scope) => granted.includes(scope));
}

function nothingGranted(): OAuthError {
  return new OAuthError('invalid_scope', 'Nothing of the scope was granted.');
}

function whoOf({ identity }: KnownUser): { readonly jid: string } {
  return { jid: identity.jid.toString() };
}
