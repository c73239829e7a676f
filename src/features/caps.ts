import { createHash } from 'node:crypto';
import type { Config } from '../config/config.ts';
import type { Feature, FeatureHost } from '../core/feature.ts';
import { AUTHENTICATED, BOUND } from '../stream/stream.ts';
import { attr, children, type Element, el, text } from '../xml/element.ts';
import { type DiscoInfo, discoService, type Identity } from './disco/api.ts';

const NS = 'http://jabber.org/protocol/caps';

/** Names this software. The domain is reserved, so that nobody can ever be taken for its owner: RFC 6761 §6.5. */
const NODE = 'https://parley.example/';

/** Lets clients know from a hash in the stream features what the server can do. XEP-0115. */
export const caps: Feature = {
  name: 'caps',
  specs: [{ xep: 115, version: '1.6.0', note: 'the capabilities of the server, §6.3; no caps optimization' }],
  needs: [discoService],
  setup(host) {
    const disco = host.use(discoService);
    const ver = remembered(host, () => verificationString(disco.server()));
    host.advertise({ feature: NS });
    disco.alias((node) => node === `${NODE}#${ver()}`);
    host.negotiate({
      name: 'caps',
      needs: AUTHENTICATED,
      excludes: BOUND,
      offer: () => el('c', { xmlns: NS, hash: 'sha-1', node: NODE, ver: ver() }),
    });
  },
};

// The hash is computed once for what is advertised under one configuration, not at every login.
function remembered(host: FeatureHost, compute: () => string): () => string {
  let value: string | undefined;
  let revision = -1;
  let config: Config | undefined;
  return () => {
    if (value === undefined || revision !== host.advertisedRevision || config !== host.settings.current) {
      value = compute();
      revision = host.advertisedRevision;
      config = host.settings.current;
    }
    return value;
  };
}

/** Returns the verification string of what an entity tells of itself, hashed with SHA-1. XEP-0115 §5.1. */
export function verificationString({ identities, features, forms }: DiscoInfo): string {
  const parts = [
    ...identities.toSorted(by(({ category, type, lang = '' }) => `${category}\0${type}\0${lang}`)).map(identityText),
    ...features.toSorted(),
    ...forms.map(formParts).sort(by(first)).flat(),
  ];
  return createHash('sha1')
    .update(parts.map((part) => `${part}<`).join(''))
    .digest('base64');
}

function identityText({ category, type, lang = '', name = '' }: Identity): string {
  return `${category}/${type}/${lang}/${name}`;
}

/** The type of a form, then each field's name and sorted values, by name. */
function formParts(form: Element): string[] {
  const fields = children(form, 'field').map((field) => {
    const values = children(field, 'value').map((value) => text(value));
    return [attr(field, 'var') ?? '', ...values.sort()];
  });
  const [, type = ''] = fields.find(([name]) => name === 'FORM_TYPE') ?? [];
  const others = fields.filter(([name]) => name !== 'FORM_TYPE');
  return [type, ...others.sort(by(first)).flat()];
}

function first([part = '']: readonly string[]): string {
  return part;
}

function by<T>(key: (item: T) => string): (a: T, b: T) => number {
  return (a, b) => Number(key(a) > key(b)) - Number(key(a) < key(b));
}
