import { constants } from 'node:fs';
import { access, mkdir, readdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { StoreError } from './store.ts';

const OWNER_ONLY = 0o700;
const NAMES_SHOWN = 3;

/** What LevelDB leaves where it was stopped while it made a new store, and what a mounted volume contains. */
const BEFORE_FIRST_USE = new Set(['LOCK', 'LOG', 'LOG.old', 'MANIFEST-000001', '000001.dbtmp', 'lost+found']);
const OF_LEVELDB = /^(?:LOCK|LOG|LOG\.old|MANIFEST-\d+|\d+\.(?:log|ldb|sst|dbtmp)|lost)$/;

/**
 * Makes `directory` for its owner only, or checks that the one there can hold a store. Throws StoreError 'unwritable' if
 * it cannot be written or belongs to something else, 'damaged' if it was a LevelDB store once and would be overwritten.
 */
export async function prepareDirectory(directory: string): Promise<void> {
  const names = await openDirectory(directory).catch((cause: NodeJS.ErrnoException) => {
    throw new StoreError('unwritable', describe(directory, cause), { cause });
  });
  if (names.includes('CURRENT')) return;
  const unknown = names.filter((name) => !BEFORE_FIRST_USE.has(name));
  const foreign = unknown.filter((name) => !OF_LEVELDB.test(name));
  if (foreign.length > 0) {
    const shown = foreign.slice(0, NAMES_SHOWN).join(', ') + (foreign.length > NAMES_SHOWN ? ', …' : '');
    throw new StoreError(
      'unwritable',
      `${directory} holds other files (${shown}): choose an empty directory for the store`,
    );
  }
  if (unknown.length > 0) {
    throw new StoreError(
      'damaged',
      `the store in ${directory} has lost its file CURRENT: restore a backup into that directory`,
    );
  }
}

// Not with `recursive`: on file systems that answer ENOENT for what cannot be made, such as /proc, Node tries for ever.
async function makeDirectory(directory: string): Promise<void> {
  const parent = dirname(directory);
  try {
    await mkdir(directory, OWNER_ONLY);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST' && (await stat(directory)).isDirectory()) return;
    if (code !== 'ENOENT' || parent === directory) throw error;
    await makeDirectory(parent);
    await mkdir(directory, OWNER_ONLY);
  }
}

async function openDirectory(directory: string): Promise<string[]> {
  await makeDirectory(directory);
  await access(directory, constants.R_OK | constants.W_OK | constants.X_OK);
  return readdir(directory);
}

function describe(directory: string, cause: NodeJS.ErrnoException): string {
  switch (cause.code) {
    case 'EEXIST':
    case 'ENOTDIR':
      return `${directory} cannot hold the store, because it or a part of its path is a file: choose a directory`;
    case 'EACCES':
    case 'EPERM':
      return `the store's directory ${directory} cannot be written by this user: change its owner or choose another`;
    case 'EROFS':
      return `the store's directory ${directory} is on a read-only file system: choose another`;
    default:
      return `the store's directory ${directory} cannot be used: ${cause.message}`;
  }
}
