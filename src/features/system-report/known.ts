// All that a report can ever name, compiled in: a feature, an option or a value that is not in these tables is never told,
// whatever the configuration says. What is in them, operators find explained in docs/privacy.md.

/** The options of a feature that are told, each with the values that are; any other value is left out. */
export type Reportable = Readonly<Record<string, readonly string[]>>;

const EITHER = ['true', 'false'];
/** Of features that keep something, the storage engine. */
const STORED: Reportable = { backend: ['level'] };

/** The features, which reports call modules. */
export const MODULES: Readonly<Record<string, Reportable>> = {
  activeUsers: {},
  adHoc: {},
  bind2: {},
  blocking: STORED,
  caps: {},
  carbons: {},
  clientManagement: {
    ...STORED,
    enforceClientIds: EITHER,
    notifyNewClients: ['identified', 'all', 'none'],
    storeDeviceNames: EITHER,
  },
  csi: { holdGroupchat: EITHER },
  dashboard: {},
  delegatedRoster: {
    ...STORED,
    source: ['http', 'groups'],
    onFailure: ['close', 'stale', 'empty'],
    cacheOnDisk: EITHER,
  },
  disco: {},
  externalServices: {},
  fast: {},
  groups: STORED,
  'last-activity': STORED,
  lastlog: { ...STORED, addresses: EITHER },
  'legacy-session': {},
  liveStatistics: {},
  mam: STORED,
  monthlyVisitors: STORED,
  oauth: { requireCodeChallenge: EITHER, tokenAsPlainPassword: EITHER },
  offline: STORED,
  openMetrics: {},
  ping: {},
  portable: {},
  presence: {},
  'private-xml': STORED,
  push: { ...STORED, includeCounts: EITHER, includeSender: EITHER, includeBody: EITHER },
  register: {},
  roster: STORED,
  sasl2: { upgrades: EITHER, pipelining: EITHER },
  secondFactor: STORED,
  sm: STORED,
  'stream-limits': {},
  systemReport: {},
  time: {},
  usage: STORED,
  upload: { ...STORED, guests: EITHER },
  vcard: STORED,
  version: { os: EITHER },
};

/** What is served over HTTP besides WebSockets, each with the feature that serves it. */
export const HTTP_HANDLERS: Readonly<Record<string, string>> = {
  authorization: 'oauth',
  account_page: 'secondFactor',
  dashboard: 'dashboard',
  metrics: 'openMetrics',
  roster_refresh: 'delegatedRoster',
  upload: 'upload',
};
