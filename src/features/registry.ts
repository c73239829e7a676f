import type { Section } from '../config/schema.ts';
import type { Feature } from '../core/feature.ts';
import { bind2 } from './bind2.ts';
import { caps } from './caps.ts';
import { clientManagement } from './client-management/index.ts';
import { disco } from './disco/index.ts';
import { fast } from './fast/index.ts';
import { lastActivity } from './last-activity.ts';
import { lastlog } from './lastlog/index.ts';
import { legacySession } from './legacy-session.ts';
import { offline } from './offline/index.ts';
import { ping } from './ping.ts';
import { presence } from './presence/index.ts';
import { privateXml } from './private-xml.ts';
import { register } from './register.ts';
import { roster } from './roster/index.ts';
import { sasl2 } from './sasl2.ts';
import { sm } from './sm/index.ts';
import { streamLimits } from './stream-limits.ts';
import { time } from './time.ts';
import { vcard } from './vcard.ts';
import { version } from './version.ts';

/** Every feature, in the order in which their filters run at each point. */
export const features: readonly Feature[] = [
  lastlog,
  lastActivity,
  roster,
  presence,
  offline,
  disco,
  caps,
  register,
  sasl2,
  bind2,
  fast,
  clientManagement,
  legacySession,
  streamLimits,
  ping,
  privateXml,
  time,
  vcard,
  version,
  sm,
];

/** The section of each feature in the configuration; undefined for those without options. */
export const featureSections: Readonly<Record<string, Section | undefined>> = Object.fromEntries(
  features.map((feature) => [feature.name, feature.config]),
);
