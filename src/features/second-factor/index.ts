import { orNull, text } from '../../config/kinds.ts';
import { type ConfigOf, option, section } from '../../config/schema.ts';
import type { Feature } from '../../core/feature.ts';
import { passwordLogins } from '../../core/login.ts';
import { accountRemoved } from '../../core/points.ts';
import { serveAccountPage } from './account-page.ts';
import { secondFactors } from './api.ts';
import { FactorBook } from './factor-book.ts';
import { Proofs } from './proofs.ts';

const config = section(
  'The account page, and a second factor for logins on pages: codes of an app, passkeys, recovery codes.',
  {
    siteName: option(orNull(text()), {
      default: null,
      doc: 'What the place is called on the account page, in authenticator apps and for passkeys; `null` for the name of the host.',
      reload: 'restart',
    }),
  },
);

/** Lets people protect their accounts with more than a password. RFC 6238, WebAuthn Level 3. */
export const secondFactor: Feature<ConfigOf<typeof config>> = {
  name: 'secondFactor',
  specs: [
    { rfc: 4226, note: 'as part of RFC 6238' },
    { rfc: 6238, note: 'six digits, SHA-1, 30 seconds' },
  ],
  config,
  setup(host, settings) {
    const siteName = settings.siteName ?? host.domain;
    const book = new FactorBook(host);
    const proofs = new Proofs({ host, book, siteName });
    host.provide(secondFactors, proofs);
    host.provide(passwordLogins, { areRefused: async (local) => (await book.get(local))?.refusesPasswords === true });
    host.observe(accountRemoved, async ({ jid }) => void (await book.remove(jid.local)));
    serveAccountPage({ host, book, proofs, siteName });
  },
};
