import type { Readable } from 'node:stream';
import type { Awaitable } from '../util/awaitable.ts';
import { HttpError, type HttpRequest, type HttpResponse, textResponse } from './message.ts';

/** A part of a representation: the first and the last byte, both included. */
export interface ByteRange {
  readonly first: number;
  readonly last: number;
}

/** Bytes that can be served whole or in part, such as a file's. RFC 9110 §8. */
export interface Representation {
  readonly size: number;
  /** A strong entity tag, with its quotes. §8.8.3. */
  readonly etag: string;
  /** In milliseconds since the Unix epoch. */
  readonly modifiedAt: number;
  /** Reads these bytes; they are there, unless the representation is empty. */
  open(range: ByteRange): Awaitable<Readable>;
}

/**
 * Answers a GET or HEAD with a representation as the client's preconditions and range ask: whole, the part that is wanted,
 * not at all because the client has it. `headers` go with it. Throws `HttpError` 412. RFC 9110 §13, §14.
 */
export async function representationResponse(
  request: HttpRequest,
  representation: Representation,
  headers: Readonly<Record<string, string>>,
): Promise<HttpResponse> {
  const { size, etag, modifiedAt } = representation;
  const validators = { etag, 'last-modified': new Date(modifiedAt).toUTCString() };
  if (isPreconditionFailed(request, representation)) throw new HttpError(412, 'The file is another by now.');
  if (isNotModified(request, representation)) {
    const { 'content-type': _, ...rest } = headers;
    return { status: 304, headers: { ...rest, ...validators } };
  }
  const wanted = wantedRange(request, representation);
  if (wanted === 'unsatisfiable') {
    return textResponse(416, 'There are no such bytes.', { 'content-range': `bytes */${size}` });
  }
  const { first, last } = wanted ?? { first: 0, last: size - 1 };
  return {
    status: wanted === undefined ? 200 : 206,
    headers: {
      ...headers,
      ...validators,
      'accept-ranges': 'bytes',
      'content-length': String(last - first + 1),
      ...(wanted && { 'content-range': `bytes ${first}-${last}/${size}` }),
    },
    body: await representation.open({ first, last }),
  };
}

/** §13.2.2, steps 1 and 2. */
function isPreconditionFailed({ headers }: HttpRequest, { etag, modifiedAt }: Representation): boolean {
  const match = headers['if-match'];
  if (match !== undefined) return !(match.trim() === '*' || entityTags(match).includes(etag));
  const since = timeOf(headers['if-unmodified-since']);
  return since !== undefined && seconds(modifiedAt) > seconds(since);
}

/** §13.2.2, steps 3 and 4. Weak tags of the client count, because only the bytes' being the same matters here. */
function isNotModified({ headers }: HttpRequest, { etag, modifiedAt }: Representation): boolean {
  const match = headers['if-none-match'];
  if (match !== undefined)
    return match.trim() === '*' || entityTags(match).some((tag) => tag.replace('W/', '') === etag);
  const since = timeOf(headers['if-modified-since']);
  return since !== undefined && seconds(modifiedAt) <= seconds(since);
}

/** What is wanted of it; undefined: all. Of several ranges too all is sent, as §14.2 allows. */
function wantedRange(request: HttpRequest, representation: Representation): ByteRange | 'unsatisfiable' | undefined {
  const { range } = request.headers;
  // §14.2: ranges are defined for GET alone, and `method` of a HEAD is GET too.
  if (range === undefined || request.incoming.method !== 'GET') return undefined;
  return isStillTheSame(request, representation) ? parseRange(range, representation.size) : undefined;
}

/** Whether the client's part of it, if it has one, is of the same representation. §13.1.5. */
function isStillTheSame({ headers }: HttpRequest, { etag, modifiedAt }: Representation): boolean {
  const condition = headers['if-range'];
  if (condition === undefined) return true;
  if (typeof condition !== 'string') return false;
  if (/^(?:W\/)?"/.test(condition)) return condition === etag;
  const at = timeOf(condition);
  return at !== undefined && seconds(at) === seconds(modifiedAt);
}

/** Reads a Range header for so many bytes; undefined for what is to be ignored. RFC 9110 §14.1.2. */
function parseRange(header: string, size: number): ByteRange | 'unsatisfiable' | undefined {
  // One space is forgiven. So many as one likes would be looked at again for each of them.
  const [, start, end] = /^bytes ?= ?(\d*) ?- ?(\d*)$/i.exec(header) ?? [];
  if (start === undefined || end === undefined || (start === '' && end === '')) return undefined;
  if (start === '') {
    const length = Math.min(Number(end), size);
    return length === 0 ? 'unsatisfiable' : { first: size - length, last: size - 1 };
  }
  const first = Number(start);
  const last = end === '' ? size - 1 : Math.min(Number(end), size - 1);
  if (end !== '' && Number(end) < first) return undefined;
  return first >= size ? 'unsatisfiable' : { first, last };
}

/** The tags of a list; there may be commas within their quotes. §8.8.3. */
function entityTags(list: string): string[] {
  return list.match(/(?:W\/)?"[^"]*"/g) ?? [];
}

function timeOf(date: string | undefined): number | undefined {
  const at = date === undefined ? Number.NaN : Date.parse(date);
  return Number.isNaN(at) ? undefined : at;
}

/** HTTP dates have no fractions. */
function seconds(ms: number): number {
  return Math.floor(ms / 1000);
}
