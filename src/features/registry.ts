import type { Section } from '../config/schema.ts';
import type { Feature } from '../core/feature.ts';
import type { Spec } from '../core/spec.ts';
import { activeUsers } from './active-users/index.ts';
import { adHoc } from './adhoc/index.ts';
import { bind2 } from './bind2.ts';
import { blocking } from './blocking/index.ts';
import { caps } from './caps.ts';
import { carbons } from './carbons/index.ts';
import { clientManagement } from './client-management/index.ts';
import { csi } from './csi/index.ts';
import { dashboard } from './dashboard/index.ts';
import { disco } from './disco/index.ts';
import { externalServices } from './external-services.ts';
import { fast } from './fast/index.ts';
import { groups } from './groups/index.ts';
import { lastActivity } from './last-activity.ts';
import { lastlog } from './lastlog/index.ts';
import { legacySession } from './legacy-session.ts';
import { liveStatistics } from './live-statistics/index.ts';
import { mam } from './mam/index.ts';
import { monthlyVisitors } from './monthly-visitors/index.ts';
import { oauth } from './oauth/index.ts';
import { offline } from './offline/index.ts';
import { openMetrics } from './open-metrics/index.ts';
import { ping } from './ping.ts';
import { portable } from './portable/index.ts';
import { presence } from './presence/index.ts';
import { privateXml } from './private-xml.ts';
import { push } from './push/index.ts';
import { register } from './register.ts';
import { delegatedRoster } from './roster/delegated/index.ts';
import { roster } from './roster/index.ts';
import { sasl2 } from './sasl2.ts';
import { secondFactor } from './second-factor/index.ts';
import { sm } from './sm/index.ts';
import { streamLimits } from './stream-limits.ts';
import { systemReport } from './system-report/index.ts';
import { time } from './time.ts';
import { upload } from './upload/index.ts';
import { usage } from './usage/index.ts';
import { vcard } from './vcard/index.ts';
import { version } from './version.ts';

/** Every feature, in the order in which their filters run at each point. */
export const features: readonly Feature[] = [
  // Before those that have commands.
  adHoc,
  lastlog,
  activeUsers,
  monthlyVisitors,
  // Shows what the two before it count.
  usage,
  lastActivity,
  // Before the rosters that it adds contacts to.
  groups,
  roster,
  // Drops what nobody is to be told of, before anybody is told that it is blocked.
  delegatedRoster,
  blocking,
  // Puts presence right before it is broadcast.
  vcard,
  presence,
  mam,
  carbons,
  push,
  offline,
  disco,
  caps,
  register,
  sasl2,
  bind2,
  fast,
  clientManagement,
  // Before what asks for a second factor on pages of its own.
  secondFactor,
  // After what its pages ask for a second factor, and what its tokens are listed by.
  oauth,
  legacySession,
  streamLimits,
  ping,
  privateXml,
  time,
  version,
  openMetrics,
  liveStatistics,
  // After what it shows, and what its page asks for a second factor.
  dashboard,
  externalServices,
  upload,
  portable,
  csi,
  sm,
  systemReport,
];

/** The section of each feature in the configuration; undefined for those without options. */
export const featureSections: Readonly<Record<string, Section | undefined>> = Object.fromEntries(
  features.map((feature) => [feature.name, feature.config]),
);

/** What the server implements by itself, outside of any feature. */
export const builtInSpecs: readonly Spec[] = [
  { rfc: 4013, note: 'user names and passwords of SASL' },
  { rfc: 4422, sections: 'A', note: 'EXTERNAL' },
  { rfc: 4505 },
  { rfc: 4616, note: 'only under TLS, unless configured otherwise' },
  { rfc: 5802 },
  { rfc: 5890, note: 'domains, with the mapping of RFC 5895 and the Bidi Rule of RFC 5893' },
  { rfc: 5929, note: 'tls-server-end-point; tls-unique for older clients' },
  { rfc: 6120, note: 'between clients and the server; no streams between servers' },
  { rfc: 6121, sections: '5', note: 'messages' },
  { rfc: 6121, sections: '8', note: 'delivery' },
  { rfc: 6415, note: 'what XEP-0156 needs' },
  { rfc: 7395 },
  { rfc: 7590, note: 'for clients: TLS 1.2 or later, required before login' },
  { rfc: 7622 },
  { rfc: 7628, note: 'OAUTHBEARER, under TLS, where the feature `oauth` is on' },
  { rfc: 7677, note: 'and the same with SHA-512' },
  { rfc: 8264, note: 'IdentifierClass and FreeformClass' },
  { rfc: 8265, note: 'UsernameCaseMapped for localparts, OpaqueString for resourceparts' },
  { rfc: 9266, note: 'tls-exporter, with TLS 1.3 only' },
  { xep: 156, version: '1.4.0' },
  { xep: 175, version: '1.2' },
  { xep: 178, version: '1.2' },
  { xep: 368, version: '1.1.0' },
  { xep: 438, version: '0.2.0' },
];
