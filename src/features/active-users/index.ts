import { flag } from '../../config/kinds.ts';
import { type ConfigOf, option, section } from '../../config/schema.ts';
import type { Feature } from '../../core/feature.ts';
import { chance } from '../../util/ids.ts';
import { lastlog } from '../lastlog/api.ts';
import { activeUsersCounted } from './api.ts';
import { countActive } from './scan.ts';
import { Schedule } from './schedule.ts';

const config = section(
  'How many users were active during the last day, week and month: those who are connected, or have logged in or out. Counted every hour; needs `lastlog`.',
  {
    countDisabled: option(flag(), {
      default: false,
      doc: 'Whether accounts that are disabled count too.',
      reload: 'live',
    }),
  },
);

const FIRST_MS = 15_000;
const EVERY_MS = 3_600_000;
/** So that the hosts of many servers do not count at the same time. */
const MAX_JITTER_MS = 300_000;

/** Counts the users who were active lately, and tells how many. */
export const activeUsers: Feature<ConfigOf<typeof config>> = {
  name: 'activeUsers',
  specs: [],
  config,
  setup(host, settings) {
    let { countDisabled } = settings;
    const log = host.find(lastlog);
    // Without a record of logins there is nothing to count.
    if (log === undefined) return;
    let isStopped = false;
    let hasFailed = false;
    const count = async (): Promise<void> => {
      try {
        const counted = await countActive({
          clock: host.clock,
          users: log.all(),
          isConnected: (local) => (host.account(local)?.sessions.size ?? 0) > 0,
          isLeftOut: async (local) => {
            // Of an account that is gone a login may be left, from before `lastlog` was switched off and on again.
            const status = await host.users.statusInPassing(local);
            return status === undefined || (status === 'disabled' && !countDisabled);
          },
          isStopped: () => isStopped,
        });
        if (counted !== undefined) host.announce(activeUsersCounted, counted);
        hasFailed = false;
      } catch (error) {
        // The figures stay as they were. Once is enough to be told.
        if (!hasFailed) host.log.error('active-users.failed', {}, error);
        hasFailed = true;
      }
    };
    const schedule = new Schedule(host.clock, () => EVERY_MS + Math.floor(chance() * MAX_JITTER_MS), count);

    host.ready(() => schedule.begin(FIRST_MS));
    host.defer(() => {
      isStopped = true;
      return schedule.end();
    });
    return {
      configure(changed) {
        ({ countDisabled } = changed);
      },
    };
  },
};
