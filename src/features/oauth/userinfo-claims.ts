import { child, children, type Element, text } from '../../xml/element.ts';

/** A claim's value, as JSON. */
type Claim = string | boolean | Readonly<Record<string, string>>;
type Claims = Readonly<Record<string, Claim | undefined>>;

/** What each scope gives of a vCard. OpenID Connect Core §5.4. */
const CLAIMS: Readonly<Record<string, (card: Element) => Claims>> = {
  profile: profileOf,
  email: emailOf,
  address: addressOf,
  phone: phoneOf,
};

/** The claims of OpenID Connect Core §5.1 that a vCard (XEP-0054) has and the scopes give. */
export function claimsOf(card: Element, scopes: readonly string[]): Readonly<Record<string, Claim>> {
  const all: Record<string, Claim> = {};
  for (const [scope, read] of Object.entries(CLAIMS)) {
    if (!scopes.includes(scope)) continue;
    for (const [name, claim] of Object.entries(read(card))) if (claim !== undefined) all[name] = claim;
  }
  return all;
}

function profileOf(card: Element): Claims {
  const name = child(card, 'N');
  const photo = child(card, 'PHOTO');
  return {
    name: textOf(card, 'FN'),
    family_name: textOf(name, 'FAMILY'),
    given_name: textOf(name, 'GIVEN'),
    middle_name: textOf(name, 'MIDDLE'),
    nickname: textOf(card, 'NICKNAME'),
    // Photos that are in the card itself would be larger than all the rest.
    picture: webAddress(textOf(photo, 'EXTVAL')),
    website: webAddress(textOf(card, 'URL')),
    birthdate: birthdate(textOf(card, 'BDAY')),
  };
}

function emailOf(card: Element): Claims {
  const email = textOf(preferred(card, 'EMAIL'), 'USERID');
  // Whoever owns the account has typed it.
  return email === undefined ? {} : { email, email_verified: false };
}

function phoneOf(card: Element): Claims {
  const number = textOf(preferred(card, 'TEL'), 'NUMBER');
  return number === undefined ? {} : { phone_number: number, phone_number_verified: false };
}

// OpenID Connect Core §5.1.1
function addressOf(card: Element): Claims {
  const address = preferred(card, 'ADR');
  const street = [textOf(address, 'STREET'), textOf(address, 'EXTADD'), textOf(address, 'POBOX')];
  const parts = {
    street_address: street.filter((line) => line !== undefined).join('\n'),
    locality: textOf(address, 'LOCALITY'),
    region: textOf(address, 'REGION'),
    postal_code: textOf(address, 'PCODE'),
    country: textOf(address, 'CTRY'),
  };
  const known: Record<string, string> = {};
  for (const [name, value] of Object.entries(parts)) if (value !== undefined && value !== '') known[name] = value;
  return Object.keys(known).length === 0 ? {} : { address: known };
}

/** The one that is marked as preferred, or else the first. */
function preferred(card: Element, name: string): Element | undefined {
  const all = children(card, name);
  return all.find((one) => child(one, 'PREF') !== undefined) ?? all[0];
}

function textOf(parent: Element | undefined, name: string): string | undefined {
  const element = parent && child(parent, name);
  const value = element === undefined ? '' : text(element).trim();
  return value === '' ? undefined : value;
}

// Clients make links of it.
function webAddress(value: string | undefined): string | undefined {
  return value !== undefined && /^https?:\/\//i.test(value) && URL.canParse(value) ? value : undefined;
}

function birthdate(value: string | undefined): string | undefined {
  return value !== undefined && /^\d{4}-\d{2}-\d{2}$/.test(value) ? value : undefined;
}
