// What logs in, in a process of its own: connections that are there already, each used for one login.

import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { connect, type TLSSocket } from 'node:tls';
import { ScramClient } from '../../test/support/scram-client.ts';
import { type Figures, serve } from '../end-to-end/worker.ts';
import { DOMAIN, PASSWORD } from '../server.ts';

const AT_ONCE = 16;
const NOTHING: Figures = {};
const HEADER = `<stream:stream to='${DOMAIN}' version='1.0' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>`;
const NS_SASL = 'urn:ietf:params:xml:ns:xmpp-sasl';
const NS_SASL2 = 'urn:xmpp:sasl:2';
const NS_FAST = 'urn:xmpp:fast:0';
const BIND = "<bind xmlns='urn:xmpp:bind:0'><tag>bench</tag></bind>";
const LEGACY_BIND =
  "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>bench</resource></bind></iq>";

interface User {
  readonly name: string;
  readonly clientId: string;
  readonly scram: ScramClient;
  token: string;
}

let port = 0;
let users: readonly User[] = [];
let lines: readonly Line[] = [];

/** One connection, of which the text is searched for what ends a step. */
class Line {
  readonly socket: TLSSocket;
  #text = '';
  #wanted = '';
  #found: ((text: string) => void) | undefined;

  private constructor(socket: TLSSocket) {
    this.socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString('latin1');
      this.#look();
    });
  }

  static async dial(): Promise<Line> {
    const options = { host: '127.0.0.1', port, rejectUnauthorized: false, servername: DOMAIN };
    const socket = connect({ ...options, ALPNProtocols: ['xmpp-client'] });
    socket.setNoDelay(true);
    await once(socket, 'secureConnect');
    return new Line(socket);
  }

  /** Sends, and resolves with what comes up to and with the pattern. */
  ask(xml: string, pattern: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const broken = (): void => reject(new Error(`waited for ${pattern}, got ${this.#text.slice(0, 300)}`));
      this.socket.once('close', broken);
      this.#wanted = pattern;
      this.#found = (text) => {
        this.socket.off('close', broken);
        resolve(text);
      };
      this.socket.write(xml);
    });
  }

  async leave(): Promise<void> {
    const closed = once(this.socket, 'close');
    this.socket.end('</stream:stream>');
    await closed;
  }

  #look(): void {
    const at = this.#text.indexOf(this.#wanted);
    if (this.#found === undefined || at < 0) return;
    const end = at + this.#wanted.length;
    const text = this.#text.slice(0, end);
    this.#text = this.#text.slice(end);
    const found = this.#found;
    this.#found = undefined;
    found(text);
  }
}

const LOGINS = [legacy, scram2, fast];

async function legacy(line: Line, { scram }: User): Promise<void> {
  await line.ask(HEADER, '</stream:features>');
  const auth = `<auth xmlns='${NS_SASL}' mechanism='SCRAM-SHA-256'>${base64(scram.first())}</auth>`;
  const challenge = dataIn(await line.ask(auth, '</challenge>'));
  await line.ask(`<response xmlns='${NS_SASL}'>${base64(scram.final(challenge))}</response>`, '</success>');
  await line.ask(HEADER, '</stream:features>');
  await line.ask(LEGACY_BIND, '</bind></iq>');
}

async function scram2(line: Line, user: User): Promise<void> {
  const { scram } = user;
  await line.ask(HEADER, '</stream:features>');
  const challenge = dataIn(await line.ask(authenticate('SCRAM-SHA-256', scram.first(), user, BIND), '</challenge>'));
  await line.ask(`<response xmlns='${NS_SASL2}'>${base64(scram.final(challenge))}</response>`, '</success>');
}

async function fast(line: Line, user: User): Promise<void> {
  const hash = createHmac('sha256', user.token).update('Initiator').digest();
  const initial = Buffer.concat([Buffer.from(`${user.name}\0`), hash]);
  const login = authenticate('HT-SHA-256-NONE', initial, user, `<fast xmlns='${NS_FAST}'/>${BIND}`);
  await line.ask(HEADER + login, '</success>');
}

/** Logs every user in once, for the tokens and for the keys that clients derive of their passwords. */
async function prepare({ users: count = 0, port: at = 0 }: Figures): Promise<Figures> {
  port = at;
  users = Array.from({ length: count }, (_, i) => ({
    name: `user${i}`,
    clientId: `00000000-0000-4000-8000-${String(i).padStart(12, '0')}`,
    scram: new ScramClient({ hash: 'SHA-256', username: `user${i}`, password: PASSWORD }),
    token: '',
  }));
  await dial();
  const request = `<request-token xmlns='${NS_FAST}' mechanism='HT-SHA-256-NONE'/>`;
  await eachUser(async (line, user) => {
    const initial = Buffer.from(`\0${user.name}\0${PASSWORD}`);
    const success = await line.ask(HEADER + authenticate('PLAIN', initial, user, request), '</success>');
    user.token = / token="([^"]+)"/.exec(success)?.[1] ?? '';
  });
  await leave();
  await dial();
  await eachUser(legacy);
  await leave();
  return NOTHING;
}

async function dial(): Promise<Figures> {
  const dialled: Line[] = [];
  while (dialled.length < users.length) dialled.push(await Line.dial());
  lines = dialled;
  return NOTHING;
}

async function logIn({ kind = 0 }: Figures): Promise<Figures> {
  const login = LOGINS[kind];
  if (login !== undefined) await eachUser(login);
  return NOTHING;
}

async function leave(): Promise<Figures> {
  await Promise.all(lines.map((line) => line.leave()));
  return NOTHING;
}

async function eachUser(run: (line: Line, user: User) => Promise<void>): Promise<void> {
  const waiting = [...users.entries()];
  const work = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [i, user] = next;
      const line = lines[i];
      if (line !== undefined) await run(line, user);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

function authenticate(mechanism: string, initial: Buffer, { clientId }: User, content: string): string {
  const response = `<initial-response>${base64(initial)}</initial-response>`;
  const agent = `<user-agent id='${clientId}'><software>bench</software></user-agent>`;
  return `<authenticate xmlns='${NS_SASL2}' mechanism='${mechanism}'>${response}${agent}${content}</authenticate>`;
}

function dataIn(xml: string): Buffer {
  return Buffer.from(/<challenge[^>]*>([^<]*)</.exec(xml)?.[1] ?? '', 'base64');
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64');
}

serve({ prepare, dial, logIn, leave }, async () => undefined);
