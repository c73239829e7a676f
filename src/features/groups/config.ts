import { integer, listOf, prepared } from '../../config/kinds.ts';
import { type ConfigOf, option, section, sectionMap } from '../../config/schema.ts';
import { prepareLocal } from '../../jid.ts';
import { opaqueString } from '../../precis/profiles.ts';

/** Stands for all users of a host in a list of members. */
export const EVERYONE = '*';

/** The longest name of a group, in bytes. */
const MAX_NAME_BYTES = 256;

/** Returns the name of a group in its normal form: without white space around it, as RFC 8265 §4.2 has it. Throws RangeError. */
export function prepareGroupName(given: string): string {
  const name = opaqueString(given.trim());
  if (name === undefined)
    throw new RangeError('the name of a group has at least one character, none of them a control');
  if (Buffer.byteLength(name) <= MAX_NAME_BYTES) return name;
  throw new RangeError(`the name of a group has at most ${MAX_NAME_BYTES} bytes`);
}

const groupName = prepared(`the name of a group, of at most ${MAX_NAME_BYTES} bytes`, prepareGroupName);

const member = prepared('a user name without its domain, such as "alice", or "*" for everyone', (given) =>
  given === EVERYONE ? given : prepareLocal(given),
);

const group = section('The members of a group.', {
  members: option(listOf(member, 'a list of user names'), {
    default: [],
    doc: 'The members by user name (`["alice", "bob"]`), or `["*"]` for all users of the host, those to come too. Whom there is no account of is left out.',
    reload: 'live',
  }),
});

/** What operators can say about groups. */
export const groupsConfig = section(
  'Shared groups: everyone in a group has everyone else of it among the contacts, and sees who is online. There may be more groups than are named here (`parley group add`). See docs/groups.md.',
  {
    maxMembers: option(integer(2, 1000), {
      default: 500,
      doc: 'How many members a group may have. Of a group of the configuration that would have more, the oldest accounts are members. Every client of a member is sent a contact for every other member; with all of them online, a group of 500 takes about 15 MB of memory.',
      reload: 'live',
    }),
    groups: sectionMap(groupName, group, {
      default: {},
      doc: 'Groups by name. They are on every host that has no `features.groups` of its own; each host has its own members.',
      reload: 'live',
    }),
  },
);

/** The options of groups. */
export type GroupsConfig = ConfigOf<typeof groupsConfig>;
