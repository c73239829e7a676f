import { flag, integer, milliseconds } from '../../config/kinds.ts';
import { type ConfigOf, option, section } from '../../config/schema.ts';
import type { Account } from '../../core/account.ts';
import type { Feature, FeatureHost } from '../../core/feature.ts';
import {
  accountDelivers,
  accountRemoved,
  type Delivering,
  grantRevoked,
  sessionBound,
  sessionEnded,
  sessionResumed,
} from '../../core/points.ts';
import { can } from '../../core/roles.ts';
import type { Session } from '../../core/session.ts';
import { StanzaError } from '../../errors.ts';
import type { Message } from '../../stanza.ts';
import { ownCopy } from '../../util/own-copy.ts';
import { atEndOfTurn } from '../../util/turn.ts';
import { text } from '../../xml/element.ts';
import { clientRevoked } from '../client-management/api.ts';
import { rosters } from '../roster/api.ts';
import type { Absence, News } from './absence.ts';
import { pushRegistrations, type Registration } from './api.ts';
import { Attention } from './attention.ts';
import { NS_PUSH, type Summary } from './notification.ts';
import { clientOf, clientOfInstallation, clientOfResource, Registrations } from './registrations.ts';
import { readDisable, readEnable } from './request.ts';
import { Sender } from './sender.ts';
import { isWorthWaking, refusedNode } from './worth.ts';

const SWEEP_MS = 1000;
/** In UTF-16 units; what goes beyond it is cut off. */
const MAX_BODY = 1024;

const config = section('Wakes sleeping clients by way of their app servers (XEP-0357).', {
  includeCounts: option(flag(), {
    default: false,
    doc: 'Whether app servers are told how many messages wait for a client, and how many subscription requests for the account.',
    reload: 'restart',
  }),
  includeSender: option(flag(), {
    default: false,
    doc: 'Whether app servers are told who sent the last message.',
    reload: 'restart',
  }),
  includeBody: option(flag(), {
    default: false,
    doc: 'Whether app servers are told what the last message says, up to 1,024 characters of it.',
    reload: 'restart',
  }),
  unacknowledgedMs: option(milliseconds(1000), {
    default: 60_000,
    doc: 'A client with stream management that has not acknowledged a message after so many milliseconds is woken.',
    reload: 'restart',
  }),
  quietMs: option(milliseconds(0), {
    default: 300_000,
    doc: 'A client that was woken and has not come back is not woken again for so many milliseconds, but for a call.',
    reload: 'restart',
  }),
  timeoutMs: option(milliseconds(1000), {
    default: 30_000,
    doc: 'How long an app server may take to answer, in milliseconds.',
    reload: 'restart',
  }),
  maxFailures: option(integer(1, 1000), {
    default: 24,
    doc: 'After so many failures in a row that may pass, such as no answer, a registration is disabled until its client enables it again. Errors that are final disable it at once.',
    reload: 'restart',
  }),
  maxRegistrations: option(integer(1, 100), {
    default: 20,
    doc: 'How many registrations an account may have. One that does not work makes room first, then the oldest.',
    reload: 'restart',
  }),
});

type Settings = ConfigOf<typeof config>;

/** Has clients woken that do not notice what arrives for them. XEP-0357. */
export const push: Feature<Settings> = {
  name: 'push',
  specs: [{ xep: 357, version: '0.4.1', note: 'without content unless configured otherwise' }],
  config,
  setup(host, settings) {
    const registrations = new Registrations(host, settings.maxRegistrations);
    host.provide(pushRegistrations, registrations);
    serve(host, registrations);
    forgetClients(host, registrations);

    const summarize = ({ messages, news }: Absence): Summary => ({
      ...news,
      messages: settings.includeCounts ? messages : undefined,
    });
    const sender = new Sender(host, registrations, { ...settings, summarize });
    const attention = new Attention(host, settings, (local, client, absence) => sender.wake(local, client, absence));
    host.filter(accountDelivers, (passage) => {
      if (passage.stanza.kind !== 'message') return;
      const all = registrations.of(passage.account);
      if (all.length > 0) arrived(passage, passage.stanza, all);
    });
    host.observe(sessionBound, ({ session }) => attention.seen(session));
    host.observe(sessionResumed, ({ session }) => attention.seen(session));
    host.observe(sessionEnded, ({ session, reason }) => attention.ended(session, reason));
    host.every('push', SWEEP_MS, () => {
      attention.sweep();
      sender.sweep();
    });
    host.defer(() => sender.stop());

    function arrived(passage: Delivering, message: Message, all: readonly Registration[]): void {
      const { account, since } = passage;
      const isAgain = since !== undefined;
      const node = refusedNode(message, account.jid);
      const isRefused = isOf(message.from?.toString() ?? '', node);
      if (node !== undefined && all.some(isRefused)) {
        return void forget(host, registrations, account.jid.local, isRefused);
      }
      if (!isWorthWaking(message, account.jid)) return;
      const clients = new Set(all.filter(({ isDisabled }) => !isDisabled).map(({ client }) => client));
      const tell = (): void => {
        attention.arrived(account, clients, message, newsOf(host, settings, account, message), isAgain);
      };
      // Whoever is woken must find the message, and what the sender is told was not stored wakes nobody.
      atEndOfTurn(() => void (passage.stored === undefined ? tell() : passage.stored.then(tell, () => {})));
    }
  },
};

/** Takes `<enable/>` and `<disable/>` of clients. XEP-0357 §5, §6. */
function serve(host: FeatureHost, registrations: Registrations): void {
  host.handle(
    { type: 'set', ns: NS_PUSH, name: 'enable', to: 'self', permission: 'communicate' },
    async ({ account, session, payload }) => {
      requireOwner(account, session);
      await registrations.enable(account.jid.local, {
        ...readEnable(host, payload),
        client: clientOf(session),
        grantId: session.login?.grantId,
        enabledAt: host.clock.now(),
        failures: 0,
        retryAt: 0,
        error: undefined,
        isDisabled: false,
      });
    },
  );
  host.handle(
    { type: 'set', ns: NS_PUSH, name: 'disable', to: 'self', permission: 'communicate' },
    async ({ account, session, payload }) => {
      requireOwner(account, session);
      const { service, node } = readDisable(payload);
      await registrations.remove(account.jid.local, isOf(service, node));
    },
  );
}

function requireOwner(account: Account, { login }: Session): void {
  if (account.isAnonymous) throw new StanzaError('not-allowed', { text: 'a guest is gone with its connection' });
  if (login === undefined || !can(login.role, 'communicate')) throw new StanzaError('forbidden');
}

/** Removes the registrations of clients that have no access any more, and of accounts that are gone. */
function forgetClients(host: FeatureHost, registrations: Registrations): void {
  host.observe(clientRevoked, async ({ jid, clientIds, fullJid }) => {
    const clients = new Set(clientIds.map(clientOfInstallation));
    if (fullJid !== undefined) clients.add(clientOfResource(fullJid.resource));
    await registrations.remove(jid.local, ({ client }) => clients.has(client));
  });
  host.observe(grantRevoked, async ({ jid, grant, reason }) => {
    // A new password is another matter: see below.
    if (reason === 'password-changed' || reason === 'account-removed') return;
    await registrations.remove(jid.local, ({ grantId }) => grantId === grant.id);
  });
  // Whoever got in with the old password is not told of what arrives; who has changed it stays.
  host.users.onCredentialsChanged(({ local }, change, by) => {
    if (change !== 'password') return;
    const session = by && host.account(local)?.sessions.get(by.resource);
    const own = session && clientOf(session);
    void forget(host, registrations, local, ({ client }) => client !== own);
  });
  host.observe(accountRemoved, ({ jid }) => registrations.clear(jid.local));
}

/** Removes registrations where nobody waits for it. */
async function forget(
  { log }: FeatureHost,
  registrations: Registrations,
  local: string,
  isChosen: (registration: Registration) => boolean,
): Promise<void> {
  await registrations
    .remove(local, isChosen)
    .catch((error: unknown) => log.error('push.not-recorded', { local }, error));
}

function isOf(service: string, node: string | undefined) {
  return (registration: Registration): boolean =>
    registration.service === service && (node === undefined || registration.node === node);
}

function newsOf(host: FeatureHost, settings: Settings, account: Account, { from, payload }: Message): News {
  const body = settings.includeBody ? payload.child('body') : undefined;
  return {
    pendingSubscriptions: settings.includeCounts ? host.find(rosters)?.of(account).requests.size : undefined,
    lastSender: settings.includeSender ? from?.toString() : undefined,
    lastBody: body && ownCopy(text(body).slice(0, MAX_BODY)),
  };
}
