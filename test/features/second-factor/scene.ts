import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { Secret, TOTP } from 'otpauth';
import { clientManagement } from '../../../src/features/client-management/index.ts';
import { type SecondFactors, secondFactors } from '../../../src/features/second-factor/api.ts';
import { secondFactor } from '../../../src/features/second-factor/index.ts';
import type { Authenticator } from '../../support/authenticator.ts';
import { type BrowserOptions, PlainBrowser, type SeenPage } from '../../support/browser-without-script.ts';
import { DOMAIN, PASSWORD, Stage, type StageOptions } from '../../support/stage.ts';

export const ROMEO = `romeo@${DOMAIN}`;
export const PAGE = '/account';

/** A stage with romeo's account and the account page. */
export class Scene {
  readonly stage: Stage;

  private constructor(stage: Stage) {
    this.stage = stage;
  }

  static async open(t: TestContext, options: Partial<StageOptions> = {}): Promise<Scene> {
    const stage = await Stage.open(t, { features: [clientManagement, secondFactor], ...options });
    if (!(await stage.host.users.exists('romeo'))) await stage.host.users.create('romeo', PASSWORD);
    return new Scene(stage);
  }

  get factors(): SecondFactors {
    return this.stage.host.services.use(secondFactors);
  }

  browser(options?: BrowserOptions): PlainBrowser {
    return new PlainBrowser(this.stage, options);
  }

  /** Gives name and password; what follows is the account, or the second step. */
  async withPassword(browser: PlainBrowser, password = PASSWORD): Promise<SeenPage> {
    const page = await browser.get(PAGE);
    return browser.submit(PAGE, page.form('login'), { username: 'romeo', password });
  }

  /** The code that an app shows now. */
  code(secret: string): string {
    return new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp: this.stage.clock.now() });
  }

  /** Sets an app up on the page; returns its secret and the recovery codes, and waits until the next code. */
  async withApp(browser: PlainBrowser): Promise<{ secret: string; codes: readonly string[]; page: SeenPage }> {
    const account = await this.withPassword(browser);
    const setup = await browser.submit(PAGE, account.form('app-begin'));
    const secret = secretOn(setup);
    const page = await browser.submit(PAGE, setup.form('app-confirm'), { code: this.code(secret) });
    assert.equal(page.status, 200);
    await this.stage.clock.advance(30_000);
    return { secret, codes: codesOn(page), page };
  }

  /** Adds a passkey on the page; returns the page after it. */
  async withPasskey(browser: PlainBrowser, authenticator: Authenticator, account: SeenPage): Promise<SeenPage> {
    const creation = (await browser.submit(PAGE, account.form('passkey-begin'))).form('passkey-add');
    const response = authenticator.create(JSON.parse(creation.data['options'] ?? ''), { origin: browser.origin });
    return browser.submit(PAGE, creation, { name: 'Phone', response });
  }
}

/** The secret that a page tells people to type. */
export function secretOn({ markup }: SeenPage): string {
  return (/<p class="secret mono">([^<]*)</.exec(markup)?.[1] ?? '').replaceAll(' ', '');
}

/** The recovery codes on a page. */
export function codesOn({ markup }: SeenPage): string[] {
  return [...markup.matchAll(/<li>([a-z2-9]{5}-[a-z2-9]{5})<\/li>/g)].map(([, code = '']) => code);
}

/** What a page says about how it went. */
export function noticeOn({ markup }: SeenPage): string {
  return /<p class="notice (?:error|good)" role="(?:alert|status)">([^<]*)</.exec(markup)?.[1] ?? '';
}
