import type { Feature, FeatureHost } from '../../core/feature.ts';
import { SOFTWARE_VERSION } from '../../util/software.ts';
import { CLIENT_ID, clientId, ephemeralId } from './client-id.ts';
import { extendedReportOf, reportOf, type StanzaCounts, stanzaCounts } from './collect.ts';
import { config, type SystemReportConfig } from './config.ts';
import { isWanted, reportingHost } from './consent.ts';
import type { ReportEvent } from './events.ts';
import { reportFile } from './report-file.ts';
import { Reporter } from './reporter.ts';

const POLICY = 'docs/privacy.md#system-report';

/** Reports which features are in use, with the operator's consent: to a file, and to whom the operator has named. */
export const systemReport: Feature<SystemReportConfig> = {
  name: 'systemReport',
  specs: [],
  config,
  setup(host, options) {
    if (reportingHost(host.settings.current) !== host.domain) return;
    const file = reportFile(host.settings.current.dataDir);
    const reporter = new Reporter(options, { clock: host.clock, log: host.log, file, ...sourcesOf(host) });
    host.ready(() => {
      tell(host, options, file);
      if (isWanted(options.report)) reporter.start();
    });
    host.defer(() => reporter.stop());
    return {
      configure(news) {
        reporter.configure(news);
        if (isWanted(news.report)) reporter.start();
        else void reporter.stop();
      },
    };
  },
};

/** Consent is only asked for where neither yes nor no has been said. */
function tell({ log }: FeatureHost, options: SystemReportConfig, file: string): void {
  const { report, trackingId, googleAnalyticsUrl, extended } = options;
  if (report === null) {
    log.info('system-report.off', {
      meaning: 'no report is made on which features are in use',
      silence: '"systemReport": false under "features"',
    });
  }
  if (report !== undefined) return;
  log.warn('system-report.on', {
    gathered: `version, uptime, features and their settings, transports${extended ? ', numbers of hosts and stanzas' : ''}; no names, addresses or users`,
    why: 'so that you, and whoever has your trackingId, learn which features are in use',
    sentTo: trackingId === undefined ? 'nobody: there is no trackingId' : `${googleAnalyticsUrl}, for your trackingId`,
    location: 'whoever it is sent to can infer a region from the address of this server',
    policy: POLICY,
    file,
    off: '"systemReport": {"report": false} under "features"; true: on, without this warning',
  });
}

/** Where a report has its content and its sender from. */
function sourcesOf(host: FeatureHost) {
  const startedAt = host.clock.monotonic();
  const table = host.table(CLIENT_ID);
  let previous: StanzaCounts | undefined;
  let ephemeral: string | undefined;
  return {
    async collect(isExtended: boolean): Promise<ReportEvent[]> {
      const { current } = host.settings;
      const ground = { config: current, version: SOFTWARE_VERSION, uptimeMs: host.clock.monotonic() - startedAt };
      if (!isExtended) return reportOf(ground);
      const stanzas = await host.metrics.values('stanzas_total');
      const counts = stanzaCounts(current, stanzas.get('stanzas_total') ?? []);
      const events = [...reportOf(ground), ...extendedReportOf(current, counts, previous)];
      previous = counts;
      return events;
    },
    async clientId(): Promise<string> {
      try {
        return await clientId(table);
      } catch (error) {
        ephemeral ??= ephemeralId();
        host.log.debug('system-report.no-client-id', { reason: String(error) });
        return ephemeral;
      }
    },
  };
}
