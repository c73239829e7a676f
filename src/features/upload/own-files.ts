import type { OwnFiles, UploadedFile, UploadUsage } from './api.ts';
import type { UploadConfig } from './config.ts';
import type { Listed } from './ledger.ts';
import type { Links } from './links.ts';
import type { Uploads } from './uploads.ts';

/** The files of accounts, as other features and commands see them. */
export class OwnFilesOf implements OwnFiles {
  readonly #uploads: Uploads;
  readonly #config: UploadConfig;
  readonly #links: Links;

  constructor(uploads: Uploads, config: UploadConfig, links: Links) {
    this.#uploads = uploads;
    this.#config = config;
    this.#links = links;
  }

  async *list(local: string): AsyncIterable<UploadedFile> {
    for await (const listed of this.#uploads.list(local)) yield this.#describe(listed);
  }

  async remove(local: string, id: string): Promise<boolean> {
    const record = await this.#uploads.find(id);
    if (record?.owner !== local) return false;
    await this.#uploads.remove(id, record);
    return true;
  }

  removeOlder(local: string, before: number): Promise<number> {
    return this.#uploads.removeOlder(local, before);
  }

  async usage(local: string): Promise<UploadUsage> {
    const { files, bytes, dayBytes } = await this.#uploads.usage(local);
    const { filesPerAccount, quotaBytesPerAccount, dailyBytesPerAccount } = this.#config;
    return {
      files,
      bytes,
      todayBytes: dayBytes,
      maxFiles: filesPerAccount,
      maxBytes: quotaBytesPerAccount,
      maxTodayBytes: dailyBytesPerAccount,
    };
  }

  #describe([id, { name, type = '', size, purpose, at, expires }]: Listed): UploadedFile {
    return { id, name, type, bytes: size, purpose, at, expires, url: this.#links.of(id, name) };
  }
}
