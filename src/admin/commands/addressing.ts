import { type Arguments, CommandError } from '../../core/commands.ts';
import type { Host } from '../../core/host.ts';
import { StanzaError } from '../../errors.ts';
import { JID, JidError } from '../../jid.ts';
import type { CommandGround } from '../ground.ts';

/** Returns an address that a command was given. Throws CommandError. */
export function addressOf(args: Arguments, name: string): JID {
  const text = String(args[name] ?? '');
  try {
    return JID.parse(text);
  } catch (error) {
    if (error instanceof JidError) throw new CommandError(`"${text}" is not an address: ${error.message}`);
    throw error;
  }
}

/** Returns the address of an account, and its host. Throws CommandError when there can be no such account here. */
export function accountOf(args: Arguments, ground: CommandGround): { readonly jid: JID; readonly host: Host } {
  const jid = addressOf(args, 'jid');
  if (jid.local === '') throw new CommandError(`"${jid}" names no user; write it as ${likely(jid, ground)}`);
  if (jid.resource !== '') throw new CommandError(`"${jid}" names one session; write the user as ${jid.bare()}`);
  return { jid, host: hostOf(jid.domain, ground) };
}

// Who leaves the domain out means a user of ours.
function likely({ domain }: JID, { hosts }: CommandGround): string {
  const [first] = hosts.keys();
  return hosts.has(domain) || domain.includes('.') || first === undefined ? `user@${domain}` : `${domain}@${first}`;
}

/** Returns a host by its domain. Throws CommandError when it is not served here. */
export function hostOf(domain: string, { hosts }: CommandGround): Host {
  const host = hosts.get(domain);
  if (host !== undefined) return host;
  throw new CommandError(`${domain} is not served here; the hosts are: ${[...hosts.keys()].join(', ')}`);
}

/** Runs a change of a user and says in words what prevented it. */
export async function onUser<T>(jid: JID, change: () => Promise<T>): Promise<T> {
  try {
    return await change();
  } catch (error) {
    if (!(error instanceof StanzaError)) throw error;
    throw new CommandError(refusalOf(jid, error), { cause: error });
  }
}

function refusalOf(jid: JID, error: StanzaError): string {
  switch (error.condition) {
    case 'conflict':
      return `there is a user ${jid} already`;
    case 'item-not-found':
      return `there is no user ${jid}`;
    case 'resource-constraint':
      return 'the server is too busy to derive keys from a password; try again in a moment';
    default:
      return error.text ?? `refused: ${error.condition}`;
  }
}
