import { flag, httpsUrl, integer, listOf, milliseconds, oneOf, orNull } from '../../config/kinds.ts';
import { type ConfigOf, option, section } from '../../config/schema.ts';
import { OPTIONAL_PURPOSES } from './purpose.ts';

const MIB = 1_048_576;

/** The options of the feature: what may be uploaded, how much of it, and for how long it is kept. */
export const config = section('Files that users share by link (XEP-0363); see docs/upload.md.', {
  maxFileBytes: option(integer(1), {
    default: 100 * MIB,
    doc: 'The size of one file.',
    reload: 'restart',
  }),
  dailyBytesPerAccount: option(orNull(integer(1)), {
    default: 500 * MIB,
    doc: 'What one account may upload on one day (UTC); `null`: no such limit.',
    reload: 'restart',
  }),
  quotaBytesPerAccount: option(orNull(integer(1)), {
    default: 2048 * MIB,
    doc: 'What the files of one account may take in all; `null`: no such limit.',
    reload: 'restart',
  }),
  filesPerAccount: option(integer(1), {
    default: 10_000,
    doc: 'How many files one account may have.',
    reload: 'restart',
  }),
  expireAfterDays: option(orNull(integer(1, 36_500)), {
    default: null,
    doc: 'How long files in messages are kept; `null`: until their owner, or the operator, removes them.',
    reload: 'restart',
  }),
  purposes: option(listOf(oneOf(...OPTIONAL_PURPOSES), 'a list of purposes'), {
    default: [...OPTIONAL_PURPOSES],
    doc: 'What clients may upload files for beside messages. `profile`: avatars and the like, which do not expire and have limits of their own. `ephemeral`: the client says when the file is to be gone. `permanent`: does not expire.',
    reload: 'restart',
  }),
  profileFileBytes: option(integer(1), {
    default: 5 * MIB,
    doc: 'The size of one file of the purpose `profile`.',
    reload: 'restart',
  }),
  profileBytesPerAccount: option(integer(1), {
    default: 20 * MIB,
    doc: 'What the files of this purpose may take of one account. They count for `quotaBytesPerAccount` too.',
    reload: 'restart',
  }),
  keepFreeBytes: option(integer(0), {
    default: 256 * MIB,
    doc: 'What must be left free on the disk of the data directory: no upload begins that would leave less.',
    reload: 'restart',
  }),
  slotMs: option(milliseconds(1000), {
    default: 300_000,
    doc: 'How long after it was asked for an upload may begin.',
    reload: 'restart',
  }),
  guests: option(flag(), {
    default: false,
    doc: 'Whether anonymous users may upload files. They are removed when their session ends.',
    reload: 'restart',
  }),
  publicUrl: option(httpsUrl(), {
    default: undefined,
    doc: 'The https URL under which clients reach `/upload/` of the HTTP server, when that is neither `http.publicUrl` nor `listen.https`: for files on a domain of their own.',
    reload: 'restart',
  }),
});

export type UploadConfig = ConfigOf<typeof config>;
