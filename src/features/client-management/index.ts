import { flag, integer, oneOf } from '../../config/kinds.ts';
import { type ConfigOf, option, section } from '../../config/schema.ts';
import type { Feature, FeatureHost } from '../../core/feature.ts';
import { identifiedClientsOnly } from '../../core/login.ts';
import {
  accountRemoved,
  clientLoggedIn,
  type SessionEvent,
  sessionBound,
  sessionEnded,
  sessionResumed,
} from '../../core/points.ts';
import { can, type Permission } from '../../core/roles.ts';
import type { Session } from '../../core/session.ts';
import { StanzaError } from '../../errors.ts';
import { errorFor, resultFor } from '../../stanza.ts';
import { attr } from '../../xml/element.ts';
import { clientAccess, type Revoked } from './api.ts';
import { announceNewClients } from './notice.ts';
import { portableClients } from './portable.ts';
import { ClientRecords } from './records.ts';
import { Revocation } from './revocation.ts';
import { clientList, NS_CAM, NS_CLIENTS } from './wire.ts';

const DAY_MS = 86_400_000;
const PRUNE_MS = DAY_MS / 4;

const config = section('What has access to accounts, seen and taken away by their owners (XEP-0494).', {
  enforceClientIds: option(flag(), {
    default: false,
    doc: 'Whether only clients may log in that give an identifier of their installation, which takes SASL2. Otherwise those without one are told apart by their resources.',
    reload: 'restart',
  }),
  notifyNewClients: option(oneOf('identified', 'all', 'none'), {
    default: 'identified',
    doc: 'Of which clients the other sessions of an account are told when they log in for the first time: those that give an identifier of their installation, all, or none. Others are told apart by their resources: of one that takes another resource each time, `all` tells each time.',
    reload: 'restart',
  }),
  storeDeviceNames: option(flag(), {
    default: true,
    doc: 'Whether the names of devices are kept that clients tell at login. What was kept before goes at the next login.',
    reload: 'restart',
  }),
  recordLimit: option(integer(1, 1000), {
    default: 100,
    doc: 'How many clients of one account are remembered. Those that have no access any more make room first, the longest unseen before others.',
    reload: 'restart',
  }),
  recordRetentionMs: option(integer(DAY_MS), {
    default: 365 * DAY_MS,
    doc: 'For how long a client is remembered that has no access any more and was not seen, in milliseconds.',
    reload: 'restart',
  }),
});

/** Shows account owners what has access to their accounts, and takes it away at their word. XEP-0494. */
export const clientManagement: Feature<ConfigOf<typeof config>> = {
  name: 'clientManagement',
  specs: [{ xep: 494, version: '0.1.0', note: 'and the protocol of Prosody that it was made from' }],
  config,
  setup(host, settings) {
    const records = new ClientRecords(host, settings);
    const revocation = new Revocation(host, records);
    keepRecords(host, records, revocation);
    host.portable(portableClients(records, settings.storeDeviceNames));
    if (settings.notifyNewClients !== 'none') announceNewClients(host, settings.notifyNewClients);
    if (settings.enforceClientIds) admitIdentifiedClientsOnly(host);
    for (const ns of [NS_CLIENTS, NS_CAM]) serve(host, ns, records, revocation);
    host.provide(clientAccess, {
      list: (local) => list(records, local),
      revoke: (local, id) => revocation.revoke(local, id),
    });
  },
};

function keepRecords(host: FeatureHost, records: ClientRecords, revocation: Revocation): void {
  host.observe(clientLoggedIn, async ({ jid, login, session }) => {
    if (login.clientId !== undefined && login.role !== 'guest') {
      await records.loggedIn(jid, login.clientId, login, session);
    }
  });
  const bound = async ({ account, session }: SessionEvent): Promise<void> => {
    const { login } = session;
    if (account.isAnonymous || login === undefined) return;
    const recorded = records.bound(session, login);
    revocation.check(session);
    await recorded;
  };
  host.observe(sessionBound, bound);
  // It goes on with another login, which may be another client's.
  host.observe(sessionResumed, bound);
  host.observe(sessionEnded, async ({ account, session }) => {
    if (!account.isAnonymous) await records.ended(session);
  });
  host.observe(accountRemoved, ({ jid }) => records.remove(jid.local));
  host.every('clientManagement', PRUNE_MS, () => records.prune());
}

// A client without an identifier has no way to log in then: that is worth a line at each start.
function admitIdentifiedClientsOnly(host: FeatureHost): void {
  host.provide(identifiedClientsOnly, true);
  host.ready(() => {
    const text = 'enforceClientIds is on: legacy SASL is neither offered nor accepted, only SASL2 with a client id';
    host.log.error('login.legacy-refused', { text });
  });
}

function serve(host: FeatureHost, ns: string, records: ClientRecords, revocation: Revocation): void {
  host.handle(
    { type: 'get', ns, name: 'list', to: 'self', permission: 'list-clients' },
    async ({ account, session }) => {
      requirePermission(session, 'list-clients');
      return clientList(ns, await list(records, account.jid.local));
    },
  );
  host.handle(
    { type: 'set', ns, name: 'revoke', to: 'self', permission: 'manage-clients' },
    async ({ iq, account, session, payload }) => {
      requirePermission(session, 'manage-clients');
      const requester = {
        session,
        allowsBareIds: ns === NS_CAM,
        answer: (revoked: Revoked): void => {
          const error = revoked.needsNewPassword ? passwordResetRequired(ns) : undefined;
          host.deliver(session, error === undefined ? resultFor(iq) : errorFor(iq, error));
        },
      };
      const revoked = await revocation.revoke(account.jid.local, attr(payload, 'id') ?? '', requester);
      host.log.info('client.revoked', { jid: account.jid.toString(), ...revoked });
      if (revoked.needsNewPassword) throw passwordResetRequired(ns);
    },
  );
  const misused = (): never => {
    throw new StanzaError('bad-request');
  };
  host.handle({ type: 'set', ns, name: 'list', to: 'self', permission: 'list-clients' }, misused);
  host.handle({ type: 'get', ns, name: 'revoke', to: 'self' }, misused);
}

function list(records: ClientRecords, local: string) {
  return records.inTurn(local, async () => (await records.entries(local)).map(({ client }) => client));
}

function requirePermission({ login }: Session, permission: Permission): void {
  if (login === undefined || !can(login.role, permission)) throw new StanzaError('forbidden');
}

function passwordResetRequired(ns: string): StanzaError {
  const app = { name: 'password-reset-required', ns };
  return new StanzaError('service-unavailable', { text: 'Password reset required', app });
}
