import type { Feature } from '../../core/feature.ts';
import { accountCreated, accountRemoved } from '../../core/points.ts';
import { sharedContacts, sharedGroups } from './api.ts';
import { type GroupsConfig, groupsConfig } from './config.ts';
import { Groups } from './groups.ts';

/** Groups in which everyone has everyone else among the contacts: for those who have no application that knows who they are. */
export const groups: Feature<GroupsConfig> = {
  name: 'groups',
  specs: [],
  config: groupsConfig,
  async setup(host, config) {
    const all = await Groups.open(host, config);
    host.provide(sharedContacts, all);
    host.provide(sharedGroups, all);
    host.observe(accountCreated, ({ jid, createdAt }) => all.created(jid.local, createdAt));
    host.observe(accountRemoved, ({ jid }) => all.removed(jid.local));
    return { configure: (changed) => all.configure(changed) };
  },
};
