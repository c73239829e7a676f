// What a login costs: `npx tsx bench/sasl.ts`. Prints microseconds of this process per login, the threads of PBKDF2
// included. Logins run one after another, as the best of several rounds, because the machine may be busy.

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

const ROUNDS = 5;
const ITERATIONS = [4096, 10_000];

/** CPU time of the whole process, in microseconds. */
function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

async function measure(name: string, logins: number, run: () => Promise<number>): Promise<void> {
  let best = Number.POSITIVE_INFINITY;
  await run();
  for (let round = 0; round < ROUNDS; round++) {
    let spent = 0;
    for (let i = 0; i < logins; i++) spent += await run();
    best = Math.min(best, spent / logins);
  }
  console.log(`${name.padEnd(44)} ${best.toFixed(1).padStart(9)} µs`);
}

/** The CPU time of what a step of ours took. */
async function timed<T>(step: () => Promise<T>): Promise<[result: T, us: number]> {
  const before = cpuUs();
  const result = await step();
  return [result, cpuUs() - before];
}

function authElement(mechanism: string, data: Buffer): Element {
  return el('auth', { xmlns: NS_SASL, mechanism }, data.toString('base64'));
}

/** Keys of the one user, whose password is "pencil", as a host would look them up. */
function credentialsOf(keys: ScramKeySet, passwords: Passwords, iterations: number): CredentialSource {
  return {
    scramKeys: (_, hash) => keys[hash],
    verifyPassword: (_, password) => passwords.verify(password, keys, iterations),
    status: () => 'enabled',
  };
}

const table = createMechanisms({ fakeSaltKey: Buffer.alloc(32, 1), iterations: 4096 });
const rate = { count: 1_000_000, perMs: 1 };
const rates = { address: rate, accountFromAddress: rate, account: rate };
const throttle = new LoginThrottle({ clock: systemClock, rates });

function openStream(credentials: CredentialSource): Sasl1 {
  const sasl = new Sasl1({
    context: {
      domain: 'capulet.example',
      credentials,
      secure: true,
      allowPlaintext: false,
      channelBinding: () => undefined,
      peerCertificate: undefined,
    },
    mechanisms: selectMechanisms(table, [...table.keys()]),
    throttle,
    address: '192.0.2.1',
  });
  sasl.offer();
  return sasl;
}

/** One login; returns what the server's part of it cost. */
async function scram(hash: ScramHash, client: ScramClient, credentials: CredentialSource): Promise<number> {
  const auth = authElement(`SCRAM-${hash}`, client.first());
  const [{ sasl, reply }, first] = await timed(async () => {
    const opened = openStream(credentials);
    return { sasl: opened, ...(await opened.handle(auth)) };
  });
  const final = client.final(Buffer.from(text(reply), 'base64'));
  const response = el('response', { xmlns: NS_SASL }, final.toString('base64'));
  const [{ authenticated }, last] = await timed(() => sasl.handle(response));
  if (authenticated === undefined) throw new Error('the login failed');
  return first + last;
}

const PLAIN = authElement('PLAIN', Buffer.from('\0user\0pencil'));

async function plain(credentials: CredentialSource): Promise<number> {
  const [{ authenticated }, us] = await timed(() => openStream(credentials).handle(PLAIN));
  if (authenticated === undefined) throw new Error('the login failed');
  return us;
}

for (const iterations of ITERATIONS) {
  const remembering = new Passwords({ clock: systemClock });
  const forgetful = new Passwords({ clock: systemClock, rememberMs: 0 });
  const keys = await remembering.deriveKeys('pencil', iterations);
  const warm = credentialsOf(keys, remembering, iterations);
  const cold = credentialsOf(keys, forgetful, iterations);
  for (const hash of SCRAM_HASHES) {
    const client = new ScramClient({ hash, username: 'user', password: 'pencil' });
    await measure(`SCRAM-${hash}, ${iterations} iterations`, 1000, () => scram(hash, client, warm));
  }
  await measure(`PLAIN, ${iterations} iterations, cold`, 50, () => plain(cold));
  await measure(`PLAIN, ${iterations} iterations, remembered`, 1000, () => plain(warm));
  const setPassword = async (): Promise<number> => (await timed(() => forgetful.deriveKeys('pencil', iterations)))[1];
  await measure(`setting a password, ${iterations} iterations`, 10, setPassword);
}
