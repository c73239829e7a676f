import { decodeBase64 } from '../sasl/prepare.ts';
import type { Table, TableSpec } from '../store/store.ts';
import { unguessableBytes } from '../util/ids.ts';

/** Where the secrets are kept: base64 under their names. */
export const SECRETS: TableSpec<string> = {
  name: 'secrets',
  parse(json) {
    if (typeof json !== 'string') throw new TypeError('a secret is not a string');
    return json;
  },
};

/**
 * Returns the secret of that name, the same for the life of this installation. It is made when first asked for, and
 * durable before it is returned. `bytes` only matters then.
 */
export async function installationSecret(table: Table<string>, name: string, bytes = 32): Promise<Buffer> {
  const stored =
    (await table.get(name)) ?? (await table.update([name], (old) => old ?? unguessableBytes(bytes).toString('base64')));
  const secret = stored === undefined ? undefined : decodeBase64(stored);
  if (secret === undefined || secret.length === 0) throw new TypeError(`the stored secret "${name}" is damaged`);
  return secret;
}
