/** The languages that are built in, the one for all others first. */
export const LANGUAGES = ['en', 'de'] as const;

/** What the pages say, by name; names in braces stand for what is put there. Operators can replace each of them. */
const en = {
  'login.title': 'Log in',
  'login.intro': '{client} wants access to your account at {site}.',
  'login.introDevice': '{client}, on another device, wants access to your account at {site}.',
  'login.username': 'User name',
  'login.password': 'Password',
  'login.submit': 'Log in',
  'login.or': 'or',
  'login.passkey': 'Log in with a passkey',
  'login.passkeyFailed': 'That did not work. Try again, or log in with your password.',
  'login.passkeyWrong': 'That passkey is not known here, or does not say who you are.',
  'login.safety': 'The application does not see your password. You choose on the next page what it may do.',
  'login.wrong': 'The user name or the password is wrong.',
  'login.disabled': 'This account is disabled. Ask your administrator.',
  'login.throttled': 'There were too many failed logins. Wait a while, then try again.',
  'login.expired': 'You were away for too long. Log in again.',

  'second.title': 'Second step',
  'second.intro': 'The password of {account} is right. Prove now that it is you.',
  'second.code': 'Code',
  'second.codeHint': 'Six digits from your authenticator app, or one of your recovery codes.',
  'second.recoveryHint': 'One of your recovery codes.',
  'second.submit': 'Continue',
  'second.passkey': 'Use your passkey',
  'second.passkeyMissing': 'Your passkey works only in a browser with JavaScript that knows passkeys.',
  'second.wrong': 'That code is wrong, or was used already. Wait for the next one.',
  'second.startAgain': 'Start again',

  'consent.title': 'Allow access?',
  'consent.intro': '{client} wants access to your account.',
  'consent.account': 'Account',
  'consent.change': 'Use another account',
  'consent.website': 'Website',
  'consent.websiteClaimed': 'Website, as it says',
  'consent.next': 'Back to',
  'consent.nextSelf': 'an application on this device',
  'consent.nextCode': 'the application, with a code that you copy',
  'consent.nextDevice': 'your other device',
  'consent.device':
    'Go on only if you have the other device before you and it shows this code. Nobody may ask you to let in theirs.',
  'consent.full':
    'It asks for full access: it could read everything, write in your name, change your password and delete your account. Allow that only to what you trust as you trust your own chat application.',
  'consent.fullAdmin': 'It asks for full access, and you are an administrator: it could do everything to this server.',
  'consent.scopes': 'It may',
  'consent.informed': 'What the application says:',
  'consent.terms': 'Terms of service',
  'consent.policy': 'Privacy policy',
  'consent.revoke':
    'You can take the access back whenever you like: on your account page, or in your chat application.',
  'consent.granted': 'Allow',
  'consent.denied': 'Deny',

  'scope.xmpp': 'Have full access to your account',
  'scope.xmpp.more': 'Everything that you can do, with your password and your other applications, too',
  'scope.xmpp:client:normal': 'Chat in your name',
  'scope.xmpp:client:normal.more':
    'Send and read messages, see and change your contacts; not your password, nor other applications',
  'scope.xmpp:account:read': 'Read the data of your account',
  'scope.xmpp:account:read.more': 'Contacts, settings and the like; no messages',
  'scope.xmpp:account:write': 'Change the data of your account',
  'scope.xmpp:account:write.more': 'Contacts, settings and the like; it sends no messages',
  'scope.openid': 'Know your address',
  'scope.openid.more': 'Who you are: {account}',
  'scope.profile': 'See your profile',
  'scope.profile.more': 'Name, picture, website and birthday, as far as you have published them',
  'scope.email': 'See your e-mail address',
  'scope.address': 'See your postal address',
  'scope.phone': 'See your phone number',
  'scope.offline_access': 'Keep its access when you are away',
  'scope.offline_access.more': 'Until you take it back',
  'scope.role': 'Do what the role “{role}” may do',

  'device.title': 'Connect a device',
  'device.intro': 'Type the code that your device shows.',
  'device.check': 'Go on only if your device shows exactly this code.',
  'device.code': 'Code',
  'device.submit': 'Continue',
  'device.wrong': 'That code is wrong, was used already or has expired. Look at your device again.',
  'device.throttled': 'There were too many wrong codes. Wait a minute, then try again.',

  'code.title': 'Your code',
  'code.intro': 'Copy this code into {client}. It is good once, for ten minutes.',
  'code.warning': 'Give it to nobody else: whoever has it gets the access.',

  'granted.title': 'Done',
  'granted.text': '{client} has access now. Go back to your device; you can close this page.',
  'denied.title': 'Denied',
  'denied.text': '{client} gets no access. You can close this page.',

  'error.title': 'That does not work',
  'error.empty': 'This page is for applications that ask for access. Begin in the application.',
  'error.malformed': 'The application has sent a request that is malformed.',
  'error.client': 'The application is not known here, or its registration has expired. Begin in the application again.',
  'error.redirect':
    'The application wants to be answered where it is not registered. Nothing was sent there, for your safety.',
  'error.device': 'The code of your device has expired or was used already. Begin on your device again.',
  'error.refused': '{client} asks for something that cannot be given to it.',
  'error.busy': 'Too many logins are under way. Try again in a minute.',
  'error.other': 'The server cannot answer that request.',
};

/** The name of a text. */
export type TextName = keyof typeof en;
export type Texts = Readonly<Record<TextName, string>>;

const de: Texts = {
  'login.title': 'Anmelden',
  'login.intro': '{client} möchte Zugriff auf dein Konto bei {site}.',
  'login.introDevice': '{client}, auf einem anderen Gerät, möchte Zugriff auf dein Konto bei {site}.',
  'login.username': 'Benutzername',
  'login.password': 'Passwort',
  'login.submit': 'Anmelden',
  'login.or': 'oder',
  'login.passkey': 'Mit Passkey anmelden',
  'login.passkeyFailed': 'Das hat nicht geklappt. Versuche es noch einmal, oder nimm dein Passwort.',
  'login.passkeyWrong': 'Dieser Passkey ist hier unbekannt oder sagt nicht, wer du bist.',
  'login.safety': 'Die Anwendung sieht dein Passwort nicht. Auf der nächsten Seite bestimmst du, was sie darf.',
  'login.wrong': 'Der Benutzername oder das Passwort ist falsch.',
  'login.disabled': 'Dieses Konto ist gesperrt. Frage deinen Administrator.',
  'login.throttled': 'Zu viele Anmeldungen sind fehlgeschlagen. Warte eine Weile und versuche es dann noch einmal.',
  'login.expired': 'Du warst zu lange weg. Melde dich noch einmal an.',

  'second.title': 'Zweiter Schritt',
  'second.intro': 'Das Passwort von {account} stimmt. Zeige jetzt, dass du es bist.',
  'second.code': 'Code',
  'second.codeHint': 'Sechs Ziffern aus deiner Authenticator-App oder einer deiner Wiederherstellungscodes.',
  'second.recoveryHint': 'Einer deiner Wiederherstellungscodes.',
  'second.submit': 'Weiter',
  'second.passkey': 'Passkey verwenden',
  'second.passkeyMissing': 'Dein Passkey geht nur in einem Browser mit JavaScript, der Passkeys kennt.',
  'second.wrong': 'Dieser Code ist falsch oder wurde schon verwendet. Warte auf den nächsten.',
  'second.startAgain': 'Von vorn beginnen',

  'consent.title': 'Zugriff erlauben?',
  'consent.intro': '{client} möchte Zugriff auf dein Konto.',
  'consent.account': 'Konto',
  'consent.change': 'Anderes Konto verwenden',
  'consent.website': 'Website',
  'consent.websiteClaimed': 'Website, wie sie sagt',
  'consent.next': 'Zurück zu',
  'consent.nextSelf': 'einer Anwendung auf diesem Gerät',
  'consent.nextCode': 'der Anwendung, mit einem Code zum Kopieren',
  'consent.nextDevice': 'deinem anderen Gerät',
  'consent.device':
    'Fahre nur fort, wenn du das andere Gerät vor dir hast und es diesen Code zeigt. Niemand darf dich bitten, seines hereinzulassen.',
  'consent.full':
    'Sie will vollen Zugriff: Sie könnte alles lesen, in deinem Namen schreiben, dein Passwort ändern und dein Konto löschen. Erlaube das nur, wenn du ihr vertraust wie deiner eigenen Chat-Anwendung.',
  'consent.fullAdmin': 'Sie will vollen Zugriff, und du bist Administrator: Sie könnte auf diesem Server alles tun.',
  'consent.scopes': 'Sie darf',
  'consent.informed': 'Was die Anwendung sagt:',
  'consent.terms': 'Nutzungsbedingungen',
  'consent.policy': 'Datenschutz',
  'consent.revoke':
    'Du kannst den Zugriff jederzeit zurücknehmen: auf deiner Kontoseite oder in deiner Chat-Anwendung.',
  'consent.granted': 'Erlauben',
  'consent.denied': 'Ablehnen',

  'scope.xmpp': 'Voll auf dein Konto zugreifen',
  'scope.xmpp.more': 'Alles, was du selbst kannst, auch Passwort und andere Anwendungen',
  'scope.xmpp:client:normal': 'In deinem Namen chatten',
  'scope.xmpp:client:normal.more':
    'Nachrichten senden und lesen, Kontakte sehen und ändern; weder Passwort noch andere Anwendungen',
  'scope.xmpp:account:read': 'Die Daten deines Kontos lesen',
  'scope.xmpp:account:read.more': 'Kontakte, Einstellungen und dergleichen; keine Nachrichten',
  'scope.xmpp:account:write': 'Die Daten deines Kontos ändern',
  'scope.xmpp:account:write.more': 'Kontakte, Einstellungen und dergleichen; sie sendet keine Nachrichten',
  'scope.openid': 'Deine Adresse wissen',
  'scope.openid.more': 'Wer du bist: {account}',
  'scope.profile': 'Dein Profil sehen',
  'scope.profile.more': 'Name, Bild, Website und Geburtstag, soweit du sie veröffentlicht hast',
  'scope.email': 'Deine E-Mail-Adresse sehen',
  'scope.address': 'Deine Postanschrift sehen',
  'scope.phone': 'Deine Telefonnummer sehen',
  'scope.offline_access': 'Den Zugriff behalten, wenn du nicht da bist',
  'scope.offline_access.more': 'Bis du ihn zurücknimmst',
  'scope.role': 'Tun, was die Rolle „{role}“ darf',

  'device.title': 'Gerät verbinden',
  'device.intro': 'Tippe den Code ein, den dein Gerät zeigt.',
  'device.check': 'Fahre nur fort, wenn dein Gerät genau diesen Code zeigt.',
  'device.code': 'Code',
  'device.submit': 'Weiter',
  'device.wrong': 'Dieser Code ist falsch, schon verwendet oder abgelaufen. Sieh noch einmal auf dein Gerät.',
  'device.throttled': 'Das waren zu viele falsche Codes. Warte eine Minute und versuche es dann noch einmal.',

  'code.title': 'Dein Code',
  'code.intro': 'Kopiere diesen Code in {client}. Er gilt ein Mal, zehn Minuten lang.',
  'code.warning': 'Gib ihn niemand anderem: Wer ihn hat, bekommt den Zugriff.',

  'granted.title': 'Fertig',
  'granted.text': '{client} hat jetzt Zugriff. Geh zurück zu deinem Gerät; du kannst diese Seite schließen.',
  'denied.title': 'Abgelehnt',
  'denied.text': '{client} bekommt keinen Zugriff. Du kannst diese Seite schließen.',

  'error.title': 'Das geht nicht',
  'error.empty': 'Diese Seite ist für Anwendungen, die Zugriff möchten. Beginne in der Anwendung.',
  'error.malformed': 'Die Anwendung hat eine fehlerhafte Anfrage geschickt.',
  'error.client':
    'Die Anwendung ist hier unbekannt, oder ihre Anmeldung ist abgelaufen. Beginne noch einmal in der Anwendung.',
  'error.redirect':
    'Die Anwendung möchte die Antwort an einen Ort, der für sie nicht eingetragen ist. Zu deiner Sicherheit wurde nichts dorthin geschickt.',
  'error.device':
    'Der Code deines Geräts ist abgelaufen oder wurde schon verwendet. Beginne noch einmal auf dem Gerät.',
  'error.refused': '{client} verlangt etwas, das es nicht bekommen kann.',
  'error.busy': 'Gerade melden sich zu viele an. Versuche es in einer Minute noch einmal.',
  'error.other': 'Der Server kann diese Anfrage nicht beantworten.',
};

/** The texts that are built in. */
export const TEXTS: Readonly<Record<(typeof LANGUAGES)[number], Texts>> = { en, de };

/** What may stand in braces in any text. */
export const TEXT_PLACES = ['client', 'site', 'account', 'role'] as const;

/** Whether there is a text of that name. */
export function isTextName(name: string): name is TextName {
  return Object.hasOwn(en, name);
}
