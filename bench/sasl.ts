import type { CredentialSource, ScramHash } from '../src/sasl/mechanism.ts';
import { createMechanisms, selectMechanisms } from '../src/sasl/mechanisms.ts';
import { Passwords, type ScramKeySet } from '../src/sasl/passwords.ts';
import { Sasl1 } from '../src/sasl/sasl1.ts';
import { SCRAM_HASHES } from '../src/sasl/scram-keys.ts';
import { LoginThrottle } from '../src/sasl/throttle.ts';
import { systemClock } from '../src/util/clock.ts';
import { type Element, el, text } from '../src/xml/element.ts';
import { NS_SASL } from '../src/xml/ns.ts';
import { ScramClient } from '../test/support/scram-client.ts';
import { type Bench, type Case, onCpu, type Stopwatch } from './runner.ts';

const ITERATIONS = 4096;
const BATCH = 20;
const USER = 'user';
const PASSWORD = 'pencil';

/** The server's part of SASL, the threads of PBKDF2 included. One unit is one login. */
export const sasl: Bench = {
  name: 'sasl',
  rounds: 31,
  async open() {
    const remembering = new Passwords({ clock: systemClock });
    const forgetful = new Passwords({ clock: systemClock, rememberMs: 0 });
    const keys = await remembering.deriveKeys(PASSWORD, ITERATIONS);
    const warm = credentialsOf(keys, remembering);
    return [
      ...SCRAM_HASHES.map((hash) => scram(hash, warm)),
      plain('PLAIN, remembered', warm, BATCH),
      plain('PLAIN, 4096 iterations', credentialsOf(keys, forgetful), 1),
      onCpu('setting a password, 4096 iterations', async () => {
        await forgetful.deriveKeys(PASSWORD, ITERATIONS);
        return 1;
      }),
    ];
  },
};

/** Keys of the one user, as a host would look them up. */
function credentialsOf(keys: ScramKeySet, passwords: Passwords): CredentialSource {
  return {
    scramKeys: (_, hash) => keys[hash],
    verifyPassword: (_, password) => passwords.verify(password, keys, ITERATIONS),
    status: () => 'enabled',
  };
}

const mechanisms = createMechanisms({ fakeSaltKey: Buffer.alloc(32, 1), iterations: ITERATIONS });
const throttle = new LoginThrottle({
  clock: systemClock,
  rates: { address: null, accountFromAddress: null, account: null },
});

function openStream(credentials: CredentialSource): Sasl1 {
  const login = new Sasl1({
    context: {
      domain: 'capulet.example',
      credentials,
      secure: true,
      allowPlaintext: false,
      channelBinding: () => undefined,
      peerCertificate: undefined,
    },
    mechanisms: selectMechanisms(mechanisms, [...mechanisms.keys()]),
    throttle,
    address: '192.0.2.1',
  });
  login.offer();
  return login;
}

function scram(hash: ScramHash, credentials: CredentialSource): Case {
  const client = new ScramClient({ hash, username: USER, password: PASSWORD });
  const auth = element('auth', client.first(), `SCRAM-${hash}`);
  const logIn = async (watch: Stopwatch): Promise<void> => {
    const login = openStream(credentials);
    const { reply } = await login.handle(auth);
    const response = watch.without(() => element('response', client.final(Buffer.from(text(reply), 'base64'))));
    const { authenticated } = await login.handle(response);
    if (authenticated === undefined) throw new Error(`a login with SCRAM-${hash} failed`);
  };
  return repeated(`SCRAM-${hash}`, BATCH, logIn);
}

function plain(name: string, credentials: CredentialSource, batch: number): Case {
  const auth = element('auth', Buffer.from(`\0${USER}\0${PASSWORD}`), 'PLAIN');
  return repeated(name, batch, async () => {
    const { authenticated } = await openStream(credentials).handle(auth);
    if (authenticated === undefined) throw new Error('a login with PLAIN failed');
  });
}

function repeated(name: string, batch: number, logIn: (watch: Stopwatch) => Promise<void>): Case {
  return onCpu(name, async (watch) => {
    for (let i = 0; i < batch; i++) await logIn(watch);
    return batch;
  });
}

function element(name: string, data: Buffer, mechanism?: string): Element {
  return el(name, { xmlns: NS_SASL, mechanism }, data.toString('base64'));
}
