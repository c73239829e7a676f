import type { Feature } from '../../core/feature.ts';
import { accountRemoved } from '../../core/points.ts';
import { adHoc } from '../adhoc/api.ts';
import { ownFiles } from './api.ts';
import { config, type UploadConfig } from './config.ts';
import { type Disk, FileArea, systemDisk } from './file-area.ts';
import { serveUploads } from './http.ts';
import { Ledger } from './ledger.ts';
import { Links } from './links.ts';
import { OwnFilesOf } from './own-files.ts';
import { ownFilesCommands } from './own-files-commands.ts';
import { portableFiles } from './portable.ts';
import { SERVICE_NAME, UploadService } from './service.ts';
import { exportSizes } from './size-metrics.ts';
import { Upkeep } from './upkeep.ts';
import { Uploads } from './uploads.ts';

const EXPIRE_MS = 60_000;
/** All of the disk is compared with the ledger once in a day or so: 256 times. */
const MEND_MS = 300_000;

/** Makes the feature for a disk; all but tests use that of the system. */
export function uploadOn(disk: Disk): Feature<UploadConfig> {
  return {
    name: 'upload',
    specs: [{ xep: 363, version: '1.2.0' }],
    config,
    setup(host, settings) {
      const { clock } = host;
      const links = new Links(host, settings.publicUrl);
      const ledger = new Ledger(host);
      const area = new FileArea(host.settings.current.dataDir, links.directory, disk);
      const hasAccount = async (local: string): Promise<boolean> =>
        host.account(local)?.isAnonymous === true || (await host.users.exists(local));
      const uploads = new Uploads({ ledger, area, clock, config: settings, hasAccount });

      exportSizes(host, ledger);
      serveUploads(host, uploads, links);
      host.mount('upload', new UploadService(host, { uploads, config: settings, links }), SERVICE_NAME);

      const files = new OwnFilesOf(uploads, settings, links);
      host.provide(ownFiles, files);
      for (const command of ownFilesCommands(files, clock)) host.find(adHoc)?.add(command);

      const upkeep = new Upkeep({ uploads, ledger, area, clock });
      host.ready(async () => {
        const left = await area.removeIncoming();
        if (left > 0) host.log.info('upload.left-over', { files: left });
      });
      host.every('upload.expire', EXPIRE_MS, async () => {
        const removed = await upkeep.expire();
        if (removed > 0) host.log.info('upload.expired', { files: removed });
      });
      host.every('upload.mend', MEND_MS, async () => {
        const { files: unknown, entries } = await upkeep.mendNext();
        if (unknown + entries > 0) host.log.warn('upload.mended', { files: unknown, entries });
      });
      host.portable(portableFiles(files));
      host.observe(accountRemoved, ({ jid }) => uploads.clear(jid.local));
      host.defer(() => uploads.close());
    },
  };
}

/** Lets users upload files and share links to them. XEP-0363. */
export const upload = uploadOn(systemDisk);
