/** The languages of the dashboard, the one for all others first. */
export const LANGUAGES = ['en', 'de'] as const;
export type Language = (typeof LANGUAGES)[number];

const en = {
  title: 'Dashboard',
  intro: 'How the server is doing, for its administrators.',
  username: 'User name',
  password: 'Password',
  submit: 'Log in',
  or: 'or',
  passkey: 'Log in with a passkey',
  passkeyFailed: 'That did not work. Try again, or log in with your password.',
  passkeyWrong: 'That passkey is not known here, or does not say who you are.',
  wrong: 'The user name or the password is wrong.',
  disabled: 'This account is disabled.',
  throttled: 'There were too many failed logins. Wait a while, then try again.',
  expired: 'You were away for too long. Log in again.',
  member: 'This account is not that of an administrator.',
  failed: 'That did not work.',
  second: {
    title: 'Second step',
    intro: (jid: string) => `The password of ${jid} is right. Prove now that it is you.`,
    code: 'Code',
    hint: 'Six digits from your authenticator app, or one of your recovery codes.',
    submit: 'Continue',
    passkey: 'Use your passkey',
    wrong: 'That code is wrong, or was used already. Wait for the next one.',
    startAgain: 'Start again',
  },
  page: {
    leave: 'Log out',
    noScript: 'The dashboard needs JavaScript.',
    missing: 'The page has not been built. Run “npm run build”.',
  },
};

/** What the pages of one language say. */
export type Texts = typeof en;

const de: Texts = {
  title: 'Dashboard',
  intro: 'Wie es dem Server geht, für seine Administratoren.',
  username: 'Benutzername',
  password: 'Passwort',
  submit: 'Anmelden',
  or: 'oder',
  passkey: 'Mit einem Passkey anmelden',
  passkeyFailed: 'Das hat nicht geklappt. Versuchen Sie es noch einmal, oder melden Sie sich mit dem Passwort an.',
  passkeyWrong: 'Dieser Passkey ist hier nicht bekannt, oder er sagt nicht, wer Sie sind.',
  wrong: 'Der Benutzername oder das Passwort ist falsch.',
  disabled: 'Dieses Konto ist gesperrt.',
  throttled: 'Es gab zu viele fehlgeschlagene Anmeldungen. Versuchen Sie es später noch einmal.',
  expired: 'Sie waren zu lange weg. Melden Sie sich noch einmal an.',
  member: 'Dieses Konto ist nicht das eines Administrators.',
  failed: 'Das hat nicht geklappt.',
  second: {
    title: 'Zweiter Schritt',
    intro: (jid: string) => `Das Passwort von ${jid} stimmt. Weisen Sie nun nach, dass Sie es sind.`,
    code: 'Code',
    hint: 'Sechs Ziffern aus Ihrer Authenticator-App oder einer Ihrer Wiederherstellungscodes.',
    submit: 'Weiter',
    passkey: 'Passkey verwenden',
    wrong: 'Dieser Code ist falsch oder wurde schon benutzt. Warten Sie auf den nächsten.',
    startAgain: 'Von vorn beginnen',
  },
  page: {
    leave: 'Abmelden',
    noScript: 'Das Dashboard braucht JavaScript.',
    missing: 'Die Seite ist nicht gebaut. Rufen Sie „npm run build“ auf.',
  },
};

/** What the pages say, by language. */
export const TEXTS: Readonly<Record<Language, Texts>> = { en, de };
