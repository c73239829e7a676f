import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { CommandError } from '../core/commands.ts';

/**
 * Refuses to open the store as root when it belongs to somebody else: files that root adds to it could not be read by its
 * owner any more, and the service would not start again. Throws CommandError.
 */
export async function requireOwner(dataDir: string, user: number | undefined = process.getuid?.()): Promise<void> {
  const found = await stat(join(dataDir, 'store')).catch(() => undefined);
  if (user !== 0 || found === undefined || found.uid === 0) return;
  throw new CommandError(
    `the store in ${dataDir} belongs to the user with the number ${found.uid}, not to root: ` +
      'start the server as its service, or run this command as that user',
  );
}
