import { JID } from '../jid.ts';
import type { BugReport } from './filters.ts';
import type { Grants } from './grants.ts';
import { accountRemoved, grantRevoked } from './points.ts';
import type { Topics } from './topics.ts';
import type { Users } from './users.ts';

/** The parts of a host that learn of each other here. */
export interface GrantParties {
  readonly domain: string;
  readonly users: Users;
  readonly grants: Grants;
  readonly topics: Topics;
}

/** Announces what is revoked; ends what was granted while an old password was good, and all that a removed user granted. */
export function connectGrants({ domain, users, grants, topics }: GrantParties, bug: BugReport): void {
  grants.onRevoked((local, grant, reason) =>
    topics.announce(grantRevoked, { jid: JID.of(local, domain), grant, reason }),
  );
  topics.observe('core', accountRemoved, ({ jid }) => grants.revokeAll(jid.local, 'account-removed'));
  // Those who ask before this is done compare the times themselves.
  const endOld = async (local: string): Promise<void> => {
    const user = await users.get(local);
    if (user !== undefined) await grants.revokeOutdated(local, user.passwordUpdatedAt);
  };
  users.onCredentialsChanged(({ local }, change) => {
    if (change === 'password') endOld(local).catch((error: unknown) => bug('grants', error));
  });
}
