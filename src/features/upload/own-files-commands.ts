import type { Clock } from '../../util/clock.ts';
import type { AdHocCommand, AdHocRequest, AdHocResult, AdHocStage } from '../adhoc/api.ts';
import type { InputForm } from '../shared/data-form.ts';
import { dateTime } from '../shared/date-time.ts';
import type { OwnFiles, UploadedFile, UploadUsage } from './api.ts';

/** So many files are shown at once, the newest. */
const MAX_SHOWN = 50;
const DAY_MS = 86_400_000;

/** The commands with which users see and remove what they have uploaded. */
export function ownFilesCommands(files: OwnFiles, clock: Clock): readonly AdHocCommand[] {
  return [
    {
      node: 'urn:parley:own-files',
      name: 'List own files',
      permission: 'write-account',
      execute: ({ caller }) => listed(files, caller.account.jid.local),
    },
    {
      node: 'urn:parley:own-files-remove',
      name: 'Remove own files',
      permission: 'write-account',
      execute: (request) => removed(files, clock, request),
    },
  ];
}

async function listed(files: OwnFiles, local: string): Promise<AdHocResult> {
  const shown = await newest(files, local);
  return {
    notes: [{ type: 'info', text: usageText(await files.usage(local), shown.length) }],
    result: {
      title: 'Own files',
      table: {
        columns: [
          { name: 'name', label: 'Name' },
          { name: 'bytes', label: 'Bytes' },
          { name: 'uploaded', label: 'Uploaded' },
          { name: 'expires', label: 'Expires' },
          { name: 'url', label: 'Link' },
        ],
        rows: shown.map(({ name, bytes, at, expires, url }) => ({
          name,
          bytes: String(bytes),
          uploaded: dateTime(at),
          expires: expires === null ? '' : dateTime(expires),
          url: url ?? '',
        })),
      },
    },
  };
}

async function removed(
  files: OwnFiles,
  clock: Clock,
  { action, caller, values }: AdHocRequest,
): Promise<AdHocStage | AdHocResult> {
  const { local } = caller.account.jid;
  if (action === 'begin') return { form: await removalForm(files, local) };
  let count = 0;
  for (const id of values.list('files')) if (await files.remove(local, id)) count++;
  const days = values.number('older-than-days');
  if (days !== undefined) count += await files.removeOlder(local, clock.now() - days * DAY_MS);
  return { notes: [{ type: 'info', text: count === 1 ? '1 file was removed' : `${count} files were removed` }] };
}

async function removalForm(files: OwnFiles, local: string): Promise<InputForm> {
  const shown = await newest(files, local);
  return {
    title: 'Remove own files',
    instructions: `${usageText(await files.usage(local), shown.length)} What is removed is gone for everyone who has its link.`,
    fields: [
      {
        name: 'files',
        type: 'list-multi',
        label: 'Files to remove',
        isOptional: true,
        options: shown.map((file) => ({ value: file.id, label: labelOf(file) })),
      },
      {
        name: 'older-than-days',
        type: 'text-single',
        label: 'Remove all that are older than so many days',
        isOptional: true,
        range: { min: 0, max: 36_500 },
      },
    ],
  };
}

async function newest(files: OwnFiles, local: string): Promise<UploadedFile[]> {
  const shown: UploadedFile[] = [];
  for await (const file of files.list(local)) {
    shown.push(file);
    if (shown.length === MAX_SHOWN) break;
  }
  return shown;
}

function labelOf({ name, bytes, at }: UploadedFile): string {
  return `${name}, ${bytes} bytes, ${dateTime(at).slice(0, 10)}`;
}

function usageText({ files, bytes, maxBytes }: UploadUsage, shown: number): string {
  const quota = maxBytes === null ? '' : ` of ${maxBytes}`;
  const part = shown < files ? ` The ${shown} newest are shown.` : '';
  return `${files} files take ${bytes}${quota} bytes.${part}`;
}
