import { existsSync, readFileSync } from 'node:fs';

/** What this program is called. */
export const SOFTWARE_NAME = 'Parley';

/** The version of this program: that of its package. */
export const SOFTWARE_VERSION = packageVersion();

/** Reads it from the root of the package, which is above `src` here and above `dist/src` once compiled. */
function packageVersion(): string {
  let folder = new URL('.', import.meta.url);
  while (!existsSync(new URL('package.json', folder))) {
    const parent = new URL('..', folder);
    if (parent.href === folder.href) return 'unknown';
    folder = parent;
  }
  const description: unknown = JSON.parse(readFileSync(new URL('package.json', folder), 'utf8'));
  const hasVersion = typeof description === 'object' && description !== null && 'version' in description;
  return hasVersion ? String(description.version) : 'unknown';
}
