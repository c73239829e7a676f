import type { FeatureHost } from '../../core/feature.ts';
import type { Ledger } from './ledger.ts';

/** How old the sum may be that somebody is told who asks; and of the time, what part at most is spent on adding up. */
const FRESH_MS = 600_000;
const PART = 200;

/** Exports how much there is of uploaded files: added up when somebody asks, in the background, and not each time. */
export function exportSizes(host: FeatureHost, ledger: Pick<Ledger, 'total'>): void {
  const { clock, metrics } = host;
  let total: Awaited<ReturnType<Ledger['total']>> | undefined;
  let isCounting = false;
  let hasStopped = false;
  let due = 0;
  const count = async (): Promise<void> => {
    isCounting = true;
    const began = clock.monotonic();
    try {
      total = await ledger.total();
    } catch (error) {
      if (!hasStopped) host.log.warn('upload.uncounted', {}, error);
    }
    const now = clock.monotonic();
    due = now + Math.max(FRESH_MS, (now - began) * PART);
    isCounting = false;
  };
  const undo = [
    metrics.onCollect(() => {
      if (!isCounting && clock.monotonic() >= due) void count();
    }),
    metrics.measured({ name: 'uploads_bytes', help: 'Uploaded files and slots, added up now and then' }, (put) => {
      if (total !== undefined) put({}, total.bytes);
    }),
    metrics.measured({ name: 'uploads_files', help: 'The number of these' }, (put) => {
      if (total !== undefined) put({}, total.files);
    }),
  ];
  host.defer(() => {
    hasStopped = true;
    for (const remove of undo) remove();
  });
}
