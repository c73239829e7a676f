import type { FirstAdministrator } from '../core/installation.ts';
import type { Logger } from '../log/log.ts';
import { formatEndpoint } from '../net/listen.ts';
import type { CertificateDescription } from '../tls/certificates.ts';
import { SERVICE_NAMES } from './commands/server.ts';
import type { ListenerDescription } from './ground.ts';
import { facts } from './table.ts';

const WITH_REAL_ONE = [
  'Connect:     with Gajim, Dino, Conversations or another XMPP client, log in as that user; if the client',
];

const WITH_SELF_SIGNED = [
  'Connect:     with Gajim, Conversations or another XMPP client, log in as that user; accept the',
  '             certificate if its fingerprint is the one above (Dino cannot: it believes only what',
  '             the system believes, so add the certificate there or get a real one); if the client',
];

/** What is told of a server that has started. */
export interface StartFacts {
  readonly version: string;
  /** How the program is called here, such as `npx parley`, with the options that it needs. */
  readonly program: string;
  readonly hosts: readonly string[];
  readonly listeners: readonly ListenerDescription[];
  readonly certificates: readonly CertificateDescription[];
  readonly dataDir: string;
  readonly configFile: string | undefined;
  readonly firstAdministrator: FirstAdministrator | undefined;
  /** Where people find the page of a path; undefined where it is not served. */
  readonly urlOf: (path: string) => string | undefined;
}

/** Returns what a person reads when the server has started. */
export function startText(start: StartFacts): string {
  const { version, hosts, firstAdministrator } = start;
  const parts = [`Parley ${version} serves ${hosts.join(', ')}.`, indented(placesOf(start))];
  if (firstAdministrator !== undefined) parts.push(firstAdministratorText(firstAdministrator, start.program));
  return `${[...parts, nextSteps(start)].join('\n\n')}\n\n`;
}

/** Returns the only text that ever holds the first administrator's password; it goes to standard output, never to the log. */
export function firstAdministratorText({ jid, password }: FirstAdministrator, program: string): string {
  return `The first start made an administrator. Its password is shown only now:
${indented([
  ['User', jid],
  ['Password', password],
])}
Change it with: ${program} user passwd ${jid}`;
}

/** Says the same in lines of the log, without the password, for programs. */
export function logStart(log: Logger, start: StartFacts): void {
  for (const { service, address, port } of start.listeners) log.info('server.listening', { service, address, port });
  for (const { host, fingerprint256, notAfter, selfSigned, source } of start.certificates) {
    log.info('server.certificate', { host, fingerprint256, notAfter: notAfter.toISOString(), selfSigned, source });
  }
  const { version, dataDir, configFile, firstAdministrator } = start;
  if (firstAdministrator !== undefined) log.info('server.first_administrator', { jid: firstAdministrator.jid });
  log.info('server.started', { version, pid: process.pid, dataDir, configFile, hosts: start.hosts.join(' ') });
}

function placesOf({ listeners, certificates, dataDir, configFile }: StartFacts): [string, string][] {
  const places: [string, string][] = listeners.map((listener, index) => [
    index === 0 ? 'Listening on' : '',
    `${formatEndpoint(listener)} (${SERVICE_NAMES[listener.service]})`,
  ]);
  for (const { host, selfSigned, notAfter, fingerprint256 } of certificates) {
    const until = notAfter.toISOString().slice(0, 10);
    places.push(['Certificate', `${host}, ${selfSigned ? 'self-signed, ' : ''}until ${until}, SHA-256 fingerprint:`]);
    places.push(['', fingerprint256]);
  }
  places.push(['Data', dataDir], ['Configuration', configFile ?? 'none: all defaults']);
  return places;
}

function nextSteps({ program, hosts, listeners, certificates, urlOf }: StartFacts): string {
  const [host = 'localhost'] = hosts;
  const clients = listeners.find(({ service }) => service === 'c2s' || service === 'c2sTls');
  const lines = [`Add a user:  ${program} user add alice@${host}`];
  if (clients !== undefined) {
    const isSelfSigned = certificates.some(({ selfSigned }) => selfSigned);
    lines.push(
      ...(isSelfSigned ? WITH_SELF_SIGNED : WITH_REAL_ONE),
      `             does not find the server, give it this machine's name or address and port ${clients.port}`,
    );
  }
  const account = urlOf('/account');
  if (account !== undefined)
    lines.push(`Your users:  have their password, second factor and applications at ${account}`);
  const dashboard = urlOf('/dashboard');
  lines.push(`Look after:  ${program} status${dashboard === undefined ? '' : `, or in a browser ${dashboard}`}`);
  return lines.join('\n');
}

function indented(pairs: readonly (readonly [string, string])[]): string {
  return facts(pairs).replace(/^/gm, '  ');
}
