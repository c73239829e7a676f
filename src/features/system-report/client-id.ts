import type { Table, TableSpec } from '../../store/store.ts';
import { randomUuid } from '../../util/ids.ts';
import { storedText } from '../shared/stored.ts';

/** What tells reports of this installation from those of others, and says nothing else about it. */
export const CLIENT_ID: TableSpec<string> = { name: 'system-report', parse: storedText };

/** The identifier of this installation, a random UUID (version 4): made for the first report, and the same ever after. */
export async function clientId(table: Table<string>): Promise<string> {
  const own = (await table.get('client-id')) ?? (await table.update(['client-id'], (old) => old ?? randomUuid()));
  return own ?? ephemeralId();
}

/** An identifier for as long as the process lives, where nothing can be stored. */
export function ephemeralId(): string {
  return `ephemeral-${randomUuid()}`;
}
