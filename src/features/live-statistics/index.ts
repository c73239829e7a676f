import { integer, ipAddress } from '../../config/kinds.ts';
import { type ConfigOf, optIn, option, section } from '../../config/schema.ts';
import type { Account } from '../../core/account.ts';
import type { Feature } from '../../core/feature.ts';
import { Loudspeaker } from '../../net/loudspeaker.ts';
import { every, type Timer } from '../../util/clock.ts';
import { watched } from './api.ts';
import { Statistics } from './statistics.ts';

const TICK_MS = 1000;
const MAX_LISTENERS = 16;
const MAX_UNREAD_BYTES = 1_048_576;

const config = optIn(
  section(
    'What the server does, second by second, as lines over TCP: for people who watch and for programs that draw. Whoever can reach the port sees the addresses of users who are online. Hosts on which it is off are not shown; where it listens is what the first host says.',
    {
      address: option(ipAddress(), {
        default: '127.0.0.1',
        doc: 'The IP address to listen on. Nobody is asked who they are: leave it at an address of this machine only.',
        reload: 'restart',
      }),
      port: option(integer(0, 65_535), {
        default: 5782,
        doc: 'The port to listen on; 0 is any free one.',
        reload: 'restart',
      }),
    },
  ),
);

/** Tells whoever connects what the server does, second by second. Nobody listens: nothing is looked at. */
export const liveStatistics: Feature<ConfigOf<typeof config>> = {
  name: 'liveStatistics',
  specs: [],
  config,
  setup(host, { address, port }) {
    // One speaker for all hosts.
    const isFirst = host.findEverywhere(watched).size === 0;
    host.provide(watched, { accounts: () => host.accounts() });
    if (!isFirst) return;

    const statistics = new Statistics({
      clock: host.clock,
      memory: host.metrics.memory,
      *accounts(): Iterable<Account> {
        for (const { accounts } of host.findEverywhere(watched).values()) yield* accounts();
      },
      cpuUs() {
        const { user, system } = process.cpuUsage();
        return user + system;
      },
    });
    let ticking: Timer | undefined;
    const speaker = new Loudspeaker({
      maxListeners: MAX_LISTENERS,
      maxUnreadBytes: MAX_UNREAD_BYTES,
      joined() {
        const all = statistics.all();
        ticking ??= every(host.clock, TICK_MS, () => speaker.say(statistics.tick()));
        return all;
      },
      alone() {
        ticking?.cancel();
        ticking = undefined;
        statistics.forget();
      },
      dropped: (peer, reason) => host.log.warn('statistics.dropped', { address: peer, reason }),
    });
    host.defer(() => speaker.close());
    host.ready(async () => {
      const { warning, ...where } = await speaker.listen({ address, port });
      host.log.info('statistics.listening', { ...where, warning });
    });
  },
};
