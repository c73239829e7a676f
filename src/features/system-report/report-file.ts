import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ReportEvent } from './events.ts';

/** Its user's and its group's: what was reported is for people who look after the server. */
const MODE = 0o640;

/** Where the last report lies. The server writes no log files, so it has no directory of logs: it is the data directory. */
export function reportFile(dataDir: string): string {
  return join(dataDir, 'system_metrics_report.json');
}

/** Writes a report for people to read, whole or not at all. Rejects with the system's error. */
export async function writeReport(path: string, events: readonly ReportEvent[]): Promise<void> {
  const temporary = `${path}.new`;
  await rm(temporary, { force: true });
  const file = await open(temporary, 'wx', MODE);
  try {
    // Whatever the process takes away from the mode of the files it makes.
    await file.chmod(MODE);
    await file.writeFile(`${JSON.stringify(events, undefined, 2)}\n`);
  } finally {
    await file.close();
  }
  await rename(temporary, path);
}
