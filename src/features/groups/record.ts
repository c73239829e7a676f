import type { TableSpec } from '../../store/store.ts';
import { storedNumber, storedObject, storedText } from '../shared/stored.ts';

/** A group as it is stored. */
export interface GroupRecord {
  /**
   * Localpart and time of creation: another account of that name is no member, even if the first was removed while nobody
   * took it out of its groups.
   */
  readonly members: readonly (readonly [local: string, createdAt: number])[];
  readonly everyone?: true;
}

/** The stored groups of all hosts, under domain and name. */
export const GROUPS: TableSpec<GroupRecord> = {
  name: 'groups',
  parse(json) {
    const { members, everyone } = storedObject(json);
    if (!Array.isArray(members)) throw new TypeError('a group has no list of members');
    return { members: members.map(memberOf), ...(everyone === true ? { everyone } : {}) };
  },
};

function memberOf(json: unknown): readonly [string, number] {
  if (!Array.isArray(json)) throw new TypeError('a member of a group is no pair');
  return [storedText(json[0]), storedNumber(json[1])];
}
