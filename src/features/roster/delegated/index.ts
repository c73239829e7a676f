import type { Feature, FeatureHost } from '../../../core/feature.ts';
import { sharedContacts, sharedContactsChanged } from '../../groups/api.ts';
import { config, type DelegatedRosterConfig } from './config.ts';
import { GroupSource } from './group-source.ts';
import { HttpSource } from './http-source.ts';
import { serveRefresh } from './refresh-endpoint.ts';
import { serveRosters } from './serving.ts';
import type { RosterSource } from './source.ts';

/** Contacts that another application owns, or the groups of the host: fetched, served and never changed by clients. */
export const delegatedRoster: Feature<DelegatedRosterConfig> = {
  name: 'delegatedRoster',
  specs: [{ rfc: 6121, sections: '2', note: 'read only where somebody else owns the contacts' }],
  config,
  setup(host, options) {
    const rosters = serveRosters(host, sourceOf(host, options), options.onFailure);
    if (options.source === 'groups') {
      host.observe(sharedContactsChanged, async ({ locals }) => void (await rosters.refresh(locals)));
    }
    const endpoint = serveRefresh(host, rosters, options.refresh);
    return { configure: ({ refresh }) => endpoint.configure(refresh) };
  },
};

function sourceOf(host: FeatureHost, options: DelegatedRosterConfig): RosterSource {
  if (options.source === 'http') return new HttpSource(host, options);
  return new GroupSource(host.use(sharedContacts));
}
