import { type Arguments, CommandError, type Parameter } from '../../core/commands.ts';
import { type PushRegistrations, pushRegistrations, type Registration } from '../../features/push/api.ts';
import type { JID } from '../../jid.ts';
import type { BuiltIn, CommandGround } from '../ground.ts';
import { table } from '../table.ts';
import { accountOf, addressOf } from './addressing.ts';

/** In characters: who knows all of a node, and the secret that may belong to it, can wake the client. */
const SHOWN_OF_NODE = 12;

const ACCOUNT: Parameter = { name: 'jid', kind: 'jid', doc: 'The user: alice@example.org' };

/** A registration. Times are ISO 8601; `node` is cut; `retryAt` is null unless it is `failing`. */
type RegistrationAnswer = {
  readonly service: string;
  readonly node: string;
  readonly since: string;
  readonly state: 'enabled' | 'failing' | 'disabled';
  readonly failures: number;
  readonly retryAt: string | null;
  readonly error: string | null;
};

type PushAnswer = { readonly jid: string; readonly registrations: readonly RegistrationAnswer[] };

type PushRemoveAnswer = { readonly jid: string; readonly removed: number };

/** Lists by what a user's clients are woken. */
export const userPush: BuiltIn<PushAnswer> = {
  name: 'user push',
  summary: "Lists the app servers that wake a user's clients.",
  parameters: [ACCOUNT],
  async run(args, ground) {
    const { jid, registrations } = await registrationsOf(args, ground);
    return { jid: jid.toString(), registrations: (await registrations.list(jid.local)).map(describe) };
  },
  show({ registrations }) {
    if (registrations.length === 0) return 'No client has asked to be woken.';
    const rows = registrations.map(({ service, node, since, state, retryAt, error }) => [
      service,
      node,
      since,
      retryAt === null ? state : `${state}, again ${retryAt}`,
      error ?? '',
    ]);
    return table(['app server', 'node', 'since', 'state', 'last error'], rows);
  },
};

/** Removes what a user's clients are woken by. */
export const userPushRemove: BuiltIn<PushRemoveAnswer> = {
  name: 'user push-remove',
  summary: "Lets an app server wake a user's clients no longer, until one enables it again.",
  parameters: [
    ACCOUNT,
    { name: 'service', kind: 'jid', doc: 'The app server, as listed' },
    { name: 'node', kind: 'text', optional: true, doc: 'Only the nodes that begin so; as listed will do' },
  ],
  async run(args, ground) {
    const { jid, registrations } = await registrationsOf(args, ground);
    const service = addressOf(args, 'service').toString();
    const beginning = String(args['node'] ?? '').replace(/…$/, '');
    const isChosen = (registration: Registration): boolean =>
      registration.service === service && registration.node.startsWith(beginning);
    const removed = await registrations.remove(jid.local, isChosen);
    if (removed === 0) throw new CommandError(`${jid} has no such registration with ${service}`);
    return { jid: jid.toString(), removed };
  },
  show: ({ removed }) => `Removed ${removed === 1 ? '1 registration' : `${removed} registrations`}.`,
};

async function registrationsOf(
  args: Arguments,
  ground: CommandGround,
): Promise<{ readonly jid: JID; readonly registrations: PushRegistrations }> {
  const { jid, host } = accountOf(args, ground);
  if (!host.services.has(pushRegistrations)) throw new CommandError('push notifications are switched off');
  if (!(await host.users.exists(jid.local))) throw new CommandError(`there is no user ${jid}`);
  return { jid, registrations: host.services.use(pushRegistrations) };
}

function describe({
  service,
  node,
  enabledAt,
  failures,
  retryAt,
  error,
  isDisabled,
}: Registration): RegistrationAnswer {
  const state = isDisabled ? 'disabled' : failures > 0 ? 'failing' : 'enabled';
  return {
    service,
    node: node.length > SHOWN_OF_NODE ? `${node.slice(0, SHOWN_OF_NODE)}…` : node,
    since: iso(enabledAt),
    state,
    failures,
    retryAt: state === 'failing' ? iso(retryAt) : null,
    error: error ?? null,
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
