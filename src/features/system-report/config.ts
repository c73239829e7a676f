import { isIP } from 'node:net';
import { fields, flag, milliseconds, orNull, satisfying, secret, text } from '../../config/kinds.ts';
import { type ConfigOf, optIn, option, section } from '../../config/schema.ts';

/** Where measurements are sent that somebody has a tracking id for: the Measurement Protocol of Google Analytics 4. */
const GOOGLE_ANALYTICS = 'https://www.google-analytics.com/mp/collect';

function collectorUrl() {
  const expected =
    'an https URL, or an http URL of this machine, without password, query and fragment, such as "https://www.google-analytics.com/mp/collect"';
  return satisfying(text(expected), isCollectorUrl, expected);
}

function isCollectorUrl(given: string): boolean {
  if (/[\s?#\\@]/.test(given) || !URL.canParse(given)) return false;
  const { protocol, hostname } = new URL(given);
  return protocol === 'https:' || (protocol === 'http:' && isLoopback(hostname));
}

function isLoopback(hostname: string): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || (isIP(hostname) === 4 && hostname.startsWith('127.'));
}

/**
 * The section, whose presence is part of the operator's consent: where it is missing nothing is reported, as with
 * `{"report": null}`.
 */
export const config = optIn(
  section(
    'A report on which features are in use, made every few hours for the whole server: [privacy.md](privacy.md#system-report) has it field by field. It is written to `system_metrics_report.json` in `dataDir`, and sent to nobody but the owner of `trackingId`. Only hosts on which it is on are reported, and the options of the first of them count.',
    {
      report: option(orNull(flag()), {
        default: undefined,
        doc: '`true`: the report is made, in silence. `false`: it is not, in silence. Unless given, it is made, and each start warns of it. `null`: it is not made, and each start says so; this is what a missing section means. A reload with `false` ends it at once.',
        reload: 'live',
      }),
      initialReportMs: option(milliseconds(0), {
        default: 300_000,
        doc: 'How long after the start the first report is made, in milliseconds.',
        reload: 'restart',
      }),
      periodicReportMs: option(milliseconds(1000), {
        default: 10_800_000,
        doc: 'The time from one report to the next, in milliseconds.',
        reload: 'live',
      }),
      trackingId: option(fields('an object with "id" and "secret"', { id: text(), secret: secret() }), {
        default: undefined,
        doc: 'Whose the reports are, in Google Analytics 4: `id` is the measurement id (`G-…`), `secret` an API secret for it. Parley brings no id of its own: without this, nothing leaves the machine.',
        reload: 'live',
      }),
      googleAnalyticsUrl: option(collectorUrl(), {
        default: GOOGLE_ANALYTICS,
        doc: 'Where reports are sent: an https URL, or an http URL of this machine. The certificate is verified.',
        reload: 'live',
      }),
      extended: option(flag(), {
        default: false,
        doc: 'Whether the report also has the numbers of hosts and of stanzas, the kind of configuration, how streams are encrypted and which outgoing connections there are.',
        reload: 'live',
      }),
    },
  ),
  { report: null },
);

export type SystemReportConfig = ConfigOf<typeof config>;
