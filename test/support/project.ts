import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The path of a file of the project that is not compiled, wherever this code runs from. */
export function projectFile(path: string): string {
  let root = import.meta.dirname;
  while (!existsSync(join(root, 'package.json'))) root = dirname(root);
  return join(root, path);
}
