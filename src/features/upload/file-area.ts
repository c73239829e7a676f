import * as fs from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Readable } from 'node:stream';

/** What is used of the file system; tests have one that fails. */
export type Disk = Pick<typeof fs, 'access' | 'mkdir' | 'open' | 'readdir' | 'rename' | 'statfs' | 'unlink'>;

export const systemDisk: Disk = fs;

const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;
/** What arrives is here until all of it is on the disk. */
const INCOMING = 'incoming';
/** Files lie in 256 directories, by the first letters of their identifiers. */
const SHARD_LETTERS = 2;

/** Takes a piece of a file; resolves when the next one may come. */
export type Write = (piece: Uint8Array) => Promise<void>;

/** The directory of the files of one host. Their names are their identifiers: hexadecimal, and never a client's words. */
export class FileArea {
  readonly #directory: string;
  readonly #dataDir: string;
  readonly #disk: Disk;

  /** `name` is that of the directory inside `uploads`. */
  constructor(dataDir: string, name: string, disk: Disk) {
    this.#dataDir = dataDir;
    this.#directory = join(dataDir, 'uploads', name);
    this.#disk = disk;
  }

  /**
   * Makes a file of what `fill` writes; resolves when it is on the disk for good. When anything fails, there is no file.
   */
  async store(id: string, fill: (write: Write) => Promise<void>): Promise<void> {
    const incoming = join(this.#directory, INCOMING);
    await this.#makeDirectory(incoming);
    const path = join(incoming, id);
    const handle = await this.#disk.open(path, 'w', FILE_MODE);
    try {
      await fill((piece) => handle.writeFile(piece));
      await handle.sync();
      await handle.close();
      await this.#moveIn(id, path);
    } catch (error) {
      await handle.close().catch(() => {});
      await this.#unlink(path);
      throw error;
    }
  }

  /** Opens bytes of a file, both ends included. Rejects with the system's `ENOENT` when it is not there. */
  async read(id: string, range: { readonly first: number; readonly last: number }): Promise<Readable> {
    const handle = await this.#disk.open(this.#pathOf(id), 'r');
    return handle.createReadStream({ start: range.first, end: range.last });
  }

  async has(id: string): Promise<boolean> {
    try {
      await this.#disk.access(this.#pathOf(id));
      return true;
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
  }

  /** Removes a file; one that is not there is no error. */
  remove(id: string): Promise<void> {
    return this.#unlink(this.#pathOf(id));
  }

  /** Removes what uploads left that a crash interrupted. Only while there are none. */
  async removeIncoming(): Promise<number> {
    const left = (await this.#list(join(this.#directory, INCOMING))) ?? [];
    for (const name of left) await this.#unlink(join(this.#directory, INCOMING, name));
    return left.length;
  }

  /** The identifiers of the files whose identifiers begin with two letters; undefined if they have no directory. */
  async shard(letters: string): Promise<string[] | undefined> {
    const names = await this.#list(join(this.#directory, letters));
    return names?.filter((name) => name.startsWith(letters));
  }

  /** The bytes that are left on the disk; unlimited where that cannot be found out. */
  async freeBytes(): Promise<number> {
    try {
      const { bavail, bsize } = await this.#disk.statfs(this.#dataDir);
      return bavail * bsize;
    } catch {
      return Number.POSITIVE_INFINITY;
    }
  }

  async #moveIn(id: string, from: string): Promise<void> {
    const to = this.#pathOf(id);
    const directory = dirname(to);
    await this.#makeDirectory(directory);
    await this.#disk.rename(from, to);
    await this.#sync(directory);
  }

  async #makeDirectory(directory: string): Promise<void> {
    const highest = await this.#disk.mkdir(directory, { recursive: true, mode: DIRECTORY_MODE });
    if (highest === undefined) return;
    for (let made = directory; made.length >= highest.length; made = dirname(made)) await this.#sync(dirname(made));
  }

  // A new name is on the disk for good when its directory is.
  async #sync(directory: string): Promise<void> {
    const handle = await this.#disk.open(directory, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  async #list(directory: string): Promise<string[] | undefined> {
    try {
      return await this.#disk.readdir(directory);
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async #unlink(path: string): Promise<void> {
    try {
      await this.#disk.unlink(path);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }

  #pathOf(id: string): string {
    return join(this.#directory, id.slice(0, SHARD_LETTERS), id);
  }
}

/** Whether an error of the system says that there is no such file. */
export function isMissing(error: unknown): boolean {
  return codeOf(error) === 'ENOENT';
}

/** Whether an error of the system says that there is no room for more. */
export function isFull(error: unknown): boolean {
  return codeOf(error) === 'ENOSPC' || codeOf(error) === 'EDQUOT';
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
