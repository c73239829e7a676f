import { createHmac, generateKeyPairSync } from 'node:crypto';
import type { FeatureHost } from '../../core/feature.ts';
import { installationSecret, SECRETS } from '../../core/secrets.ts';
import { FlowStates } from '../../oauth/flow-state.ts';
import { algorithmsOf, type JwsAlgorithm } from '../../oauth/jws.ts';
import { type RegistrationKey, RegistrationKeys } from '../../oauth/registration-keys.ts';
import { SigningKeys } from '../../oauth/signing-keys.ts';
import { unguessableBytes } from '../../util/ids.ts';
import type { KeyKind } from './api.ts';
import type { OAuthConfig } from './config.ts';
import { StoredKeyRing } from './key-ring.ts';

const KEY_BYTES = 32;

type KeysHost = Pick<FeatureHost, 'domain' | 'table' | 'clock'>;

/**
 * The keys of one host. Those that the configuration does not give are made once for all hosts of the installation and kept;
 * what is derived from them is each host's own.
 */
export class OAuthKeys {
  /** Signs what travels between pages; it is nobody's client and nobody's token. */
  readonly flows: FlowStates;
  readonly #host: KeysHost;
  readonly #config: OAuthConfig;
  readonly #rings: Readonly<Record<KeyKind, StoredKeyRing>>;
  #registration: RegistrationKeys;
  #signing: SigningKeys;

  private constructor(
    host: KeysHost,
    config: OAuthConfig,
    rings: Readonly<Record<KeyKind, StoredKeyRing>>,
    opened: Opened,
  ) {
    this.#host = host;
    this.#config = config;
    this.#rings = rings;
    this.flows = opened.flows;
    this.#registration = opened.registration;
    this.#signing = opened.signing;
  }

  /** Reads the keys, and makes those that there are none of. Rejects with TypeError for one that cannot be used. */
  static async open(host: KeysHost, config: OAuthConfig): Promise<OAuthKeys> {
    const secrets = host.table(SECRETS);
    const rings = {
      registration: new StoredKeyRing(secrets, 'oauth-registration', newRegistrationKey),
      signing: new StoredKeyRing(secrets, 'oauth-signing', newSigningKey),
    };
    const secret = createHmac('sha256', await installationSecret(secrets, 'oauth-flows'))
      .update(host.domain)
      .digest();
    return new OAuthKeys(host, config, rings, {
      flows: new FlowStates({ clock: host.clock, secret }),
      registration: await openRegistration(host, config, rings.registration),
      signing: await openSigning(host, config, rings.signing),
    });
  }

  /** Signs and recognizes clients. Another object when a key has changed. */
  get registration(): RegistrationKeys {
    return this.#registration;
  }

  /** Signs ID tokens. Another object when a key has changed. */
  get signing(): SigningKeys {
    return this.#signing;
  }

  /** Whether there can be clients at all. */
  get areClientsWelcome(): boolean {
    return this.#config.registrationKey !== null;
  }

  /** Whether a key is given by the configuration, and can only be changed there. */
  isConfigured(kind: KeyKind): boolean {
    const { registrationKey, signingKey } = this.#config;
    return (kind === 'registration' ? registrationKey : signingKey) !== undefined;
  }

  /** Makes another key; the one before is believed for so many milliseconds more. It takes {@link reopen} to use it. */
  async rotate(kind: KeyKind, overlapMs: number): Promise<void> {
    await this.#rings[kind].rotate(this.#host.clock.now(), overlapMs);
  }

  /** Reads the keys again: after they were changed, or the time of some is over. */
  async reopen(): Promise<void> {
    this.#registration = await openRegistration(this.#host, this.#config, this.#rings.registration);
    this.#signing = await openSigning(this.#host, this.#config, this.#rings.signing);
  }
}

interface Opened {
  readonly flows: FlowStates;
  readonly registration: RegistrationKeys;
  readonly signing: SigningKeys;
}

async function openRegistration(
  { domain: host, clock }: KeysHost,
  config: OAuthConfig,
  ring: StoredKeyRing,
): Promise<RegistrationKeys> {
  const { registrationKey: given, registrationAlgorithm: algorithm, registrationTtlMs } = config;
  const options = { host, clock, ttlMs: registrationTtlMs ?? undefined };
  // Where nobody is welcome there is a key all the same, one that nothing was ever signed with.
  if (given === null) return new RegistrationKeys({ ...options, current: hs256(newRegistrationKey()) });
  const configured = config.previousRegistrationKeys.map((key) => previousKey(key.reveal(), algorithm));
  if (given !== undefined) {
    return new RegistrationKeys({ ...options, current: { text: given.reveal(), algorithm }, previous: configured });
  }
  if (algorithm !== 'HS256') {
    throw new TypeError(`features.oauth.registrationAlgorithm: ${algorithm} needs a registrationKey`);
  }
  const { current, previous } = await ring.open(clock.now());
  const kept = previous.map(({ text }) => hs256(text));
  return new RegistrationKeys({ ...options, current: hs256(current), previous: [...kept, ...configured] });
}

async function openSigning({ clock }: KeysHost, config: OAuthConfig, ring: StoredKeyRing): Promise<SigningKeys> {
  const configured = config.previousSigningKeys.map((key) => key.reveal());
  const given = config.signingKey?.reveal();
  const { current, previous } = given === undefined ? await ring.open(clock.now()) : { current: given, previous: [] };
  const kept = previous.map(({ text }) => text);
  try {
    return await SigningKeys.open({ current, previous: [...kept, ...configured] });
  } catch (error) {
    throw error instanceof TypeError ? new TypeError(`features.oauth.signingKey: ${error.message}`) : error;
  }
}

// A key of before may be of another kind than the one of today.
function previousKey(text: string, algorithm: JwsAlgorithm): RegistrationKey {
  if (!text.startsWith('-----BEGIN ')) return hs256(text);
  const possible = algorithmsOf(text);
  return { text, algorithm: possible.find((one) => one === algorithm) ?? possible[0] ?? algorithm };
}

function hs256(text: string): RegistrationKey {
  return { text, algorithm: 'HS256' };
}

function newRegistrationKey(): string {
  return unguessableBytes(KEY_BYTES).toString('base64url');
}

function newSigningKey(): string {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}
