import { integer, milliseconds } from '../../config/kinds.ts';
import { type ConfigOf, option, section } from '../../config/schema.ts';
import type { Feature } from '../../core/feature.ts';
import { serveDashboard } from './dashboard-page.ts';
import { Live } from './live.ts';
import { serveLoginPage } from './login-page.ts';
import { Viewers } from './viewers.ts';

const config = section(
  'The dashboard at `/dashboard`, on which administrators see how the server is used and how it is doing.',
  {
    visitMs: option(milliseconds(60_000), {
      default: 28_800_000,
      doc: 'For how long an administrator may look at it without logging in again.',
      reload: 'live',
    }),
    maxViewers: option(integer(1, 1000), {
      default: 16,
      doc: 'How many windows may show it at the same time, on each host.',
      reload: 'live',
    }),
  },
);

/** Shows administrators, and nobody else, how the server is used and how it is doing. */
export const dashboard: Feature<ConfigOf<typeof config>> = {
  name: 'dashboard',
  specs: [],
  config,
  setup(host, settings) {
    let { visitMs, maxViewers } = settings;
    const viewers = new Viewers({ host, visitMs: () => visitMs });
    const live = new Live({ host, maxViewers: () => maxViewers });
    serveLoginPage({ host, viewers });
    serveDashboard({ host, viewers, live });
    host.defer(() => live.stop());
    return {
      configure(changed) {
        ({ visitMs, maxViewers } = changed);
      },
    };
  },
};
