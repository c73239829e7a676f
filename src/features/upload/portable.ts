import type { PortablePart, Tally } from '../../core/portable.ts';
import { is } from '../../stanza.ts';
import { attr, el } from '../../xml/element.ts';
import { dateTime } from '../shared/date-time.ts';
import type { OwnFiles } from './api.ts';

/** XEP-0227 has no place for files; others ignore it. */
const NS = 'urn:parley:files:0';

/** Which files an account has uploaded, and where they can be read. The files themselves stay: links to them are in messages. */
export function portableFiles(files: OwnFiles): PortablePart {
  // What there is already, of the accounts that are being taken up.
  const known = new WeakMap<Tally, Promise<ReadonlySet<string>>>();
  return {
    name: 'files',
    container: { name: 'files', ns: NS },
    async *export({ local }) {
      for await (const { id, name, type, bytes, at, expires, url } of files.list(local)) {
        yield el('file', {
          xmlns: NS,
          id,
          name,
          type,
          bytes: String(bytes),
          at: dateTime(at),
          expires: expires === null ? undefined : dateTime(expires),
          url,
        });
      }
    },
    async import({ local }, element, tally) {
      if (!is(element, 'file', NS)) return false;
      const own = known.get(tally) ?? idsOf(files, local);
      known.set(tally, own);
      const place = attr(element, 'url') ?? 'where it was';
      if ((await own).has(attr(element, 'id') ?? '')) tally.had();
      else tally.skipped(`the file "${attr(element, 'name') ?? ''}"`, `files do not move: it stays at ${place}`);
      return true;
    },
  };
}

async function idsOf(files: OwnFiles, local: string): Promise<ReadonlySet<string>> {
  const ids = new Set<string>();
  for await (const { id } of files.list(local)) ids.add(id);
  return ids;
}
