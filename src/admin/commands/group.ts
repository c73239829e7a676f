import { type Arguments, CommandError, type Parameter } from '../../core/commands.ts';
import type { Host } from '../../core/host.ts';
import { type SharedGroup, type SharedGroups, sharedGroups } from '../../features/groups/api.ts';
import type { BuiltIn, CommandGround } from '../ground.ts';
import { facts, printable, table } from '../table.ts';
import { accountOf, hostOf } from './addressing.ts';

const NAME: Parameter = { name: 'name', kind: 'text', doc: 'The group: Family, "Chess club"' };
const ACCOUNT: Parameter = { name: 'jid', kind: 'jid', doc: 'The user: alice@example.org' };
const HOST: Parameter = { name: 'host', kind: 'text', optional: true, doc: 'Its host, where there are several' };

/** A group. `omitted` counts those that the group has no room for. */
type GroupAnswer = {
  readonly name: string;
  readonly host: string;
  readonly origin: 'configuration' | 'store';
  readonly everyone: boolean;
  readonly members: readonly string[];
  readonly omitted: number;
};

type GroupListAnswer = { readonly groups: readonly (Omit<GroupAnswer, 'members'> & { readonly members: number })[] };

type MemberAnswer = { readonly name: string; readonly jid: string };

/** Lists the groups of all hosts, or of one. */
export const groupList: BuiltIn<GroupListAnswer> = {
  name: 'group list',
  summary: 'Lists the shared groups: everyone in one has everyone else of it as a contact.',
  parameters: [{ name: 'host', kind: 'text', optional: true, doc: 'Only the groups of this host' }],
  run(args, ground) {
    const hosts = args['host'] === undefined ? [...ground.hosts.values()] : [hostOf(String(args['host']), ground)];
    const groups = hosts.flatMap((host) =>
      (host.services.find(sharedGroups)?.list() ?? []).map((group) => ({
        ...describe(group, host),
        members: group.members.size,
      })),
    );
    return { groups };
  },
  show({ groups }) {
    if (groups.length === 0) return 'No groups.';
    const rows = groups.map(({ name, host, members, origin, everyone, omitted }) => [
      name,
      host,
      membersText(members, everyone, omitted),
      originText(origin),
    ]);
    return table(['group', 'host', 'members', 'kept in'], rows);
  },
};

/** Shows who is in a group. */
export const groupShow: BuiltIn<GroupAnswer> = {
  name: 'group show',
  summary: 'Shows who is in a shared group.',
  parameters: [NAME, HOST],
  run(args, ground) {
    const { host, groups } = groupsOf(args, ground);
    return describe(groups.get(nameIn(args)), host);
  },
  show({ name, host, origin, everyone, members, omitted }) {
    const known = facts([
      ['Group', name],
      ['Host', host],
      ['Kept in', originText(origin)],
      ['Members', membersText(members.length, everyone, omitted)],
    ]);
    return members.length === 0 ? known : `${known}\n\n${members.join('\n')}`;
  },
};

/** Adds a group without members. */
export const groupAdd: BuiltIn<GroupAnswer> = {
  name: 'group add',
  summary: 'Adds a shared group, which users then join.',
  parameters: [
    NAME,
    { name: 'everyone', kind: 'flag', optional: true, doc: 'All users of the host are members, those to come too' },
    HOST,
  ],
  async run(args, ground) {
    const { host, groups } = groupsOf(args, ground);
    return describe(await groups.add(nameIn(args), args['everyone'] === true), host);
  },
  show: ({ name, host, everyone, members, omitted }) =>
    everyone
      ? `Added the group "${printable(name)}" of ${membersText(members.length, everyone, omitted)} on ${host}.`
      : `Added the group "${printable(name)}" on ${host}.`,
};

/** Removes a group. */
export const groupRemove: BuiltIn<GroupAnswer> = {
  name: 'group remove',
  summary: 'Removes a shared group; its members keep only the contacts that they have otherwise.',
  parameters: [NAME, HOST],
  async run(args, ground) {
    const { host, groups } = groupsOf(args, ground);
    return describe(await groups.remove(nameIn(args)), host);
  },
  show: ({ name }) => `Removed the group "${printable(name)}".`,
};

/** Gives a group another name. */
export const groupRename: BuiltIn<GroupAnswer> = {
  name: 'group rename',
  summary: 'Gives a shared group another name.',
  parameters: [NAME, { name: 'new-name', kind: 'text', doc: 'What it shall be called' }, HOST],
  async run(args, ground) {
    const { host, groups } = groupsOf(args, ground);
    return describe(await groups.rename(nameIn(args), String(args['new-name'])), host);
  },
  show: ({ name }) => `The group is called "${printable(name)}" now.`,
};

/** Makes a user a member. */
export const groupJoin: BuiltIn<MemberAnswer> = {
  name: 'group join',
  summary: 'Makes a user a member of a shared group.',
  parameters: [NAME, ACCOUNT],
  async run(args, ground) {
    const { jid, host } = accountOf(args, ground);
    const { name } = await groupsOn(host).join(nameIn(args), jid.local);
    return { name, jid: jid.toString() };
  },
  show: ({ name, jid }) => `${jid} is in the group "${printable(name)}".`,
};

/** Makes a user a member no more. */
export const groupLeave: BuiltIn<MemberAnswer> = {
  name: 'group leave',
  summary: 'Takes a user out of a shared group.',
  parameters: [NAME, ACCOUNT],
  async run(args, ground) {
    const { jid, host } = accountOf(args, ground);
    const { name } = await groupsOn(host).leave(nameIn(args), jid.local);
    return { name, jid: jid.toString() };
  },
  show: ({ name, jid }) => `${jid} is no longer in the group "${printable(name)}".`,
};

function nameIn(args: Arguments): string {
  return String(args['name']);
}

function groupsOf(args: Arguments, ground: CommandGround): { readonly host: Host; readonly groups: SharedGroups } {
  const [only, ...others] = ground.hosts.values();
  if (args['host'] === undefined && (only === undefined || others.length > 0)) {
    throw new CommandError(`say on which host, with --host: ${[...ground.hosts.keys()].join(', ')}`);
  }
  const host = args['host'] === undefined && only !== undefined ? only : hostOf(String(args['host']), ground);
  return { host, groups: groupsOn(host) };
}

function groupsOn({ services, domain }: Host): SharedGroups {
  const groups = services.find(sharedGroups);
  if (groups === undefined) throw new CommandError(`there are no groups on ${domain}: features.groups is off`);
  return groups;
}

function describe({ name, origin, isForEveryone, members, omitted }: SharedGroup, { domain }: Host): GroupAnswer {
  const jids = Array.from(members, (local) => `${local}@${domain}`).sort();
  return { name, host: domain, origin, everyone: isForEveryone, members: jids, omitted };
}

function originText(origin: GroupAnswer['origin']): string {
  return origin === 'configuration' ? 'the configuration' : 'the store';
}

function membersText(members: number, everyone: boolean, omitted: number): string {
  const count = omitted === 0 ? `${members}` : `${members}, and no room for ${omitted} more`;
  return everyone ? `everyone (${count})` : count;
}
