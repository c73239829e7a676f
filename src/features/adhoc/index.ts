import type { Advertised, Item, NodeQuery } from '../../core/advertisements.ts';
import type { Feature, FeatureHost } from '../../core/feature.ts';
import { sessionEnded } from '../../core/points.ts';
import { can, ownRole, type Permission } from '../../core/roles.ts';
import type { Session } from '../../core/session.ts';
import { StanzaError } from '../../errors.ts';
import type { JID } from '../../jid.ts';
import { attr, type Element } from '../../xml/element.ts';
import { accountCommands } from './account-commands.ts';
import { type AdHocCaller, type AdHocCommand, adHoc as adHocService, NS_COMMANDS } from './api.ts';
import { Executions, LIFETIME_MS } from './executions.ts';
import { LongRuns } from './long-runs.ts';
import { operatorCommands } from './operator-commands.ts';
import { takeStep } from './steps.ts';

/** Lets people do with forms what there is no protocol for: with their accounts, and as administrators. XEP-0050. */
export const adHoc: Feature = {
  name: 'adHoc',
  specs: [
    { xep: 50, version: '1.3.0', note: 'in English; a language of the stream is not refused' },
    { xep: 122, version: '1.0.2', note: 'ranges of whole numbers' },
    { xep: 133, version: '1.3.1', note: 'users and sessions: docs/commands.md' },
  ],
  setup(host) {
    const catalogue = new Catalogue(host);
    const executions = new Executions(host.clock);
    host.provide(adHocService, { add: (command) => catalogue.add(command) });
    // When all that there may be of services is there.
    host.ready(() => {
      for (const command of accountCommands(host)) catalogue.add(command);
    });
    host.observe(sessionEnded, ({ session }) => executions.endAllOf(session));
    host.every('adHoc', LIFETIME_MS, () => executions.prune());

    const run = async (from: JID, of: JID, payload: Element): Promise<Element> => {
      const caller = callerOf(host, from);
      const node = attr(payload, 'node');
      if (node === undefined) throw new StanzaError('bad-request', { text: 'the node of the command is missing' });
      const command = catalogue.at(of).find((known) => known.node === node);
      if (command === undefined) throw new StanzaError('item-not-found');
      if (!(await mayRun(host, caller, command))) throw forbidden();
      const answer = await takeStep(executions, command, caller, of.toString(), payload);
      if (command.permission === 'administer' && attr(answer, 'status') === 'completed') {
        host.log.info('adhoc.command', { jid: caller.jid.toString(), node });
      }
      return answer;
    };
    host.handle({ type: 'set', ns: NS_COMMANDS, name: 'command', to: 'host' }, ({ from, payload }) =>
      run(from, host.jid, payload),
    );
    host.handle(
      { type: 'set', ns: NS_COMMANDS, name: 'command', to: 'self', permission: null },
      ({ from, account, payload }) => run(from, account.jid, payload),
    );
    // Others, as far as they may know that there is such an account.
    host.handle({ type: 'set', ns: NS_COMMANDS, name: 'command', to: 'account' }, () => {
      throw forbidden();
    });
    for (const on of ['host', 'account'] as const) {
      host.advertise(
        { nodes: { info: (query) => info(host, catalogue, query), items: (query) => items(host, catalogue, query) } },
        on,
      );
    }
  },
};

/** The commands of one host. */
class Catalogue {
  readonly #host: FeatureHost;
  readonly #added = new Map<string, AdHocCommand<unknown>>();
  readonly #longRuns: LongRuns;

  constructor(host: FeatureHost) {
    this.#host = host;
    this.#longRuns = new LongRuns(host);
  }

  add<S>(command: AdHocCommand<S>): void {
    if (this.#added.has(command.node)) throw new Error(`two commands have the node ${command.node}`);
    this.#added.set(command.node, command);
  }

  /** The commands at an address, whoever may run them. */
  at(address: JID): readonly AdHocCommand<unknown>[] {
    const added = [...this.#added.values()];
    if (address.local !== '') return added.filter(({ permission }) => permission !== 'administer');
    const ofOperators = operatorCommands(this.#host.commands);
    return [...added, ...ofOperators.map((command) => this.#longRuns.answered(command))];
  }
}

async function info(
  host: FeatureHost,
  catalogue: Catalogue,
  { node, of, from }: NodeQuery,
): Promise<readonly Advertised[] | undefined> {
  if (!isAsked(of, from)) return undefined;
  if (node === NS_COMMANDS) {
    return [{ identity: { category: 'automation', type: 'command-list', name: 'Commands' } }, { feature: NS_COMMANDS }];
  }
  const command = catalogue.at(of).find((known) => known.node === node);
  if (command === undefined) return undefined;
  if (!(await mayRun(host, callerOf(host, from), command))) throw forbidden();
  const identity = { category: 'automation', type: 'command-node', name: command.name };
  return [{ identity }, { feature: NS_COMMANDS }, { feature: 'jabber:x:data' }];
}

async function items(
  host: FeatureHost,
  catalogue: Catalogue,
  { node, of, from }: NodeQuery,
): Promise<readonly Item[] | undefined> {
  if (node !== NS_COMMANDS || !isAsked(of, from)) return undefined;
  const caller = callerOf(host, from);
  const offered: Item[] = [];
  for (const command of catalogue.at(of)) {
    if (await mayRun(host, caller, command))
      offered.push({ jid: of.toString(), node: command.node, name: command.name });
  }
  return offered;
}

/** Accounts have commands for their owners only; to others it is as if there were none. */
function isAsked(of: JID, from: JID): boolean {
  return of.local === '' || from.bare().equals(of);
}

/** Throws StanzaError `forbidden` for whoever has no session here. */
function callerOf(host: FeatureHost, from: JID): AdHocCaller {
  const account = from.domain === host.domain ? host.account(from.local) : undefined;
  const session = account?.sessions.get(from.resource);
  if (account === undefined || session === undefined) throw forbidden();
  return { account, session, jid: session.jid };
}

async function mayRun(
  host: FeatureHost,
  { session }: AdHocCaller,
  { permission }: { readonly permission: Permission },
): Promise<boolean> {
  if (session.login === undefined || !can(session.login.role, permission)) return false;
  return permission !== 'administer' || isAdministrator(host, session);
}

// A login keeps its role for as long as it lasts; who is no administrator any more has lost that at once.
async function isAdministrator({ settings, users }: FeatureHost, { jid }: Session): Promise<boolean> {
  const user = await users.get(jid.local);
  return user !== undefined && ownRole(settings.current, user) === 'admin';
}

function forbidden(): StanzaError {
  return new StanzaError('forbidden', { type: 'cancel' });
}
