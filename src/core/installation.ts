import type { Table, TableSpec } from '../store/store.ts';
import { readableSecret } from '../util/readable.ts';
import type { Host } from './host.ts';

/** What is remembered of this installation as a whole. */
export interface Installation {
  /** Milliseconds since the Unix epoch. */
  readonly createdAt: number;
}

export const INSTALLATION: TableSpec<Installation> = {
  name: 'installation',
  parse(json) {
    if (typeof json !== 'object' || json === null || !('createdAt' in json) || typeof json.createdAt !== 'number') {
      throw new TypeError('the installation has no time of creation');
    }
    return { createdAt: json.createdAt };
  },
};

/** The account that the first start of an installation makes; its password is shown once and stored nowhere. */
export interface FirstAdministrator {
  readonly jid: string;
  readonly password: string;
}

/**
 * Makes the administrator of a fresh installation, and remembers that it is fresh no more. Returns undefined when it is not,
 * or when the operator has named administrators.
 */
export async function firstAdministrator(
  table: Table<Installation>,
  host: Host,
  hasAdmins: boolean,
): Promise<FirstAdministrator | undefined> {
  if ((await table.get('this')) !== undefined) return undefined;
  let administrator: FirstAdministrator | undefined;
  // An administrator may be there already, made by a first start that was killed a moment later.
  if (!hasAdmins && !(await host.users.exists('admin'))) {
    const password = readablePassword();
    const user = await host.users.create('admin', password, 'admin');
    administrator = { jid: user.jid.toString(), password };
  }
  await table.put(['this'], { createdAt: host.clock.now() });
  return administrator;
}

/** A random password of 100 bits in groups that can be read aloud and typed. */
export function readablePassword(): string {
  return readableSecret(4);
}
