/** How metrics are named: our way, or as the reference implementation of usage metrics does. */
export type Naming = 'parley' | 'prosody';

/** What the names begin with unless the operator wants something else. */
const PREFIXES: Readonly<Record<Naming, string>> = { parley: 'parley_', prosody: 'prosody_' };

/** Our names, without prefix, that the reference has others for. */
const PROSODY: Readonly<Record<string, string>> = {
  active_users_1d: 'mod_measure_active_users__active_users_1d',
  active_users_7d: 'mod_measure_active_users__active_users_7d',
  active_users_30d: 'mod_measure_active_users__active_users_30d',
  monthly_visitors: 'mod_monthly_visitors__visitors',
  monthly_visitors_clients: 'mod_monthly_visitors__clients',
  monthly_visitors_geo: 'mod_monthly_visitors__geo',
  memory_allocated_bytes: 'mod_statistics__memory_allocated',
  memory_used_bytes: 'mod_statistics__memory_used',
  memory_unused_bytes: 'mod_statistics__memory_unused',
  memory_returnable_bytes: 'mod_statistics__memory_returnable',
  memory_js_bytes: 'mod_statistics__memory_lua',
  start_time_seconds: 'mod_statistics__up_since',
  users_online: 'mod_statistics__total_users',
  sessions: 'mod_statistics__total_c2s',
};

/** The name of a metric in what is exported; what the reference does not know keeps our name, after the prefix. */
export function exportedName(name: string, naming: Naming, prefix: string = PREFIXES[naming]): string {
  return `${prefix}${naming === 'prosody' ? (PROSODY[name] ?? name) : name}`;
}
