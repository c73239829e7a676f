import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Reads the script with which pages make and use passkeys: the library's, for browsers, as one file. */
export function readPasskeyLibrary(): string {
  const entry = fileURLToPath(import.meta.resolve('@simplewebauthn/browser'));
  return readFileSync(join(dirname(entry), '../dist/bundle/index.umd.min.js'), 'utf8');
}
