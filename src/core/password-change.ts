import { StreamError } from '../errors.ts';
import type { Clock } from '../util/clock.ts';
import { type SessionEvent, sessionBound, sessionResumed } from './points.ts';
import type { Sessions } from './sessions.ts';
import type { Topics } from './topics.ts';
import type { Users } from './users.ts';

const OUTDATED = new StreamError('reset', { text: 'the password was changed' });

/** The parts of a host that a change of a password concerns. */
export interface PasswordParties {
  readonly users: Users;
  readonly topics: Topics;
  readonly sessions: Sessions;
  readonly clock: Pick<Clock, 'now'>;
}

/**
 * Ends the sessions of a user whose password is changed: whoever may have got in with the old one is out, but for the session
 * in which the change was made. A client that is logging in at that moment is shown out as soon as it is in.
 */
export function endOnPasswordChange(host: PasswordParties): void {
  host.users.onCredentialsChanged(({ local }, change, by) => {
    if (change === 'password') host.sessions.kickAll(local, OUTDATED, by);
  });
  const check = async ({ account, session }: SessionEvent): Promise<void> => {
    const user = account.isAnonymous ? undefined : await host.users.get(account.jid.local);
    if (user === undefined || session.login === undefined) return;
    const { passwordUpdatedAt: changedAt } = user;
    // A change that is yet to come was made before the clock was set back.
    if (session.login.at < changedAt && changedAt <= host.clock.now()) host.sessions.kick(account, session, OUTDATED);
  };
  host.topics.observe('core', sessionBound, check);
  // It goes on with another login.
  host.topics.observe('core', sessionResumed, check);
}
