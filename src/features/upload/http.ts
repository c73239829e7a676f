import type { FeatureHost } from '../../core/feature.ts';
import { HttpError, type HttpHandler, type HttpRequest } from '../../http/message.ts';
import { pourBody } from '../../http/pour.ts';
import { representationResponse } from '../../http/representation.ts';
import { isFull, isMissing } from './file-area.ts';
import { contentDisposition } from './file-name.ts';
import type { Links } from './links.ts';
import { essenceOf, isMediaType } from './media-type.ts';
import type { FileRecord } from './record.ts';
import { NoRoomError, type Sender, UploadAborted, type Uploads } from './uploads.ts';

/** The longest silence of a client that is uploading. */
const IDLE_MS = 60_000;
/** The slowest that an upload may be on the whole: that of a bad day of GPRS. */
const MIN_BYTES_PER_SECOND = 1024;
/** The longest that any upload may take. */
const MAX_UPLOAD_MS = 86_400_000;
const YEAR_SECONDS = 31_536_000;

/** An uploaded page must never run, nor be taken for a part of another one. XEP-0363 §9.1. */
const HEADERS = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'; sandbox",
  'x-content-type-options': 'nosniff',
  'cross-origin-resource-policy': 'cross-origin',
  'access-control-expose-headers': 'Accept-Ranges, Content-Disposition, Content-Range, ETag',
} as const;

const NOT_FOUND = 'There is no such file.';

/** Serves slots to upload to and the files that came of them, to web clients of other sites too. XEP-0363 §7, §8. */
export function serveUploads(host: FeatureHost, uploads: Uploads, links: Links): void {
  const options = {
    prefix: true,
    anyHost: true,
    crossOrigin: { headers: ['authorization', 'range', 'if-match', 'if-none-match', 'if-range'] },
  };
  const put: HttpHandler = async (request) => {
    const outcome = await receive(host, uploads, links.idIn(request) ?? '', request);
    if (outcome === 'unknown') throw new HttpError(404, 'There is no such slot, or its time is over.');
    if (outcome === 'uploaded') throw new HttpError(409, 'This file has been uploaded already.');
    if (outcome === 'uploading') throw new HttpError(409, 'This file is being uploaded.');
    const { owner, size, purpose } = outcome;
    host.log.info('upload.stored', { jid: `${owner}@${host.domain}`, bytes: size, purpose });
    return { status: 201 };
  };
  const get: HttpHandler = async (request) => {
    const id = links.idIn(request) ?? '';
    const file = await uploads.find(id);
    if (file === undefined) throw new HttpError(404, NOT_FOUND);
    return serve(host, uploads, request, id, file);
  };
  host.http('PUT', links.path, put, options);
  host.http('GET', links.path, get, options);
}

async function receive(host: FeatureHost, uploads: Uploads, id: string, request: HttpRequest) {
  const sender: Sender = {
    accept: (slot) => acceptableType(request, slot),
    pour: (slot, write, signal) =>
      pourBody(request.incoming, write, {
        idleMs: IDLE_MS,
        totalMs: Math.min(MAX_UPLOAD_MS, IDLE_MS + (slot.size / MIN_BYTES_PER_SECOND) * 1000),
        signal,
        clock: host.clock,
      }),
  };
  try {
    return await uploads.receive(id, sender);
  } catch (error) {
    if (error instanceof UploadAborted) throw new HttpError(503, 'The upload was broken off.');
    if (error instanceof NoRoomError) {
      host.log.error('upload.no-room', { bytes: error.bytes, keepFreeBytes: error.keepFreeBytes });
    } else if (isFull(error)) {
      host.log.error('upload.disk-full', {}, error);
    } else {
      throw error;
    }
    throw new HttpError(507, 'The disk of the server is full.');
  }
}

/** Returns the type of what is about to come. Throws HttpError when it is not what was announced. XEP-0363 §7. */
function acceptableType({ headers }: HttpRequest, slot: FileRecord): string | undefined {
  const length = headers['content-length'];
  if (length === undefined) throw new HttpError(411, 'The length of the file has to be sent along.');
  if (Number(length) > slot.size) throw new HttpError(413, `The slot is for ${slot.size} bytes.`);
  if (Number(length) < slot.size) throw new HttpError(400, `The slot is for ${slot.size} bytes, not for fewer.`);
  const type = headers['content-type'] ?? '';
  if (slot.type === undefined) return isMediaType(type) ? type : undefined;
  if (type === '' || essenceOf(type) === essenceOf(slot.type)) return slot.type;
  throw new HttpError(415, 'The slot is for a file of another type.');
}

async function serve(host: FeatureHost, uploads: Uploads, request: HttpRequest, id: string, file: FileRecord) {
  const { name, type = '', size, at, expires, owner } = file;
  const secondsLeft = expires === null ? YEAR_SECONDS : Math.floor((expires - host.clock.now()) / 1000);
  const representation = {
    size,
    etag: `"${id}"`,
    modifiedAt: at,
    open: (range: { readonly first: number; readonly last: number }) => uploads.read(id, range),
  };
  try {
    return await representationResponse(request, representation, {
      ...HEADERS,
      'content-type': type,
      'content-disposition': contentDisposition(name, type),
      'cache-control': `private, max-age=${Math.min(YEAR_SECONDS, secondsLeft)}, immutable`,
    });
  } catch (error) {
    if (!isMissing(error)) throw error;
    host.log.warn('upload.file-missing', { jid: `${owner}@${host.domain}` });
    throw new HttpError(404, NOT_FOUND);
  }
}
