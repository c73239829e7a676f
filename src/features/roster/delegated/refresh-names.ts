import { HttpError } from '../../../http/message.ts';
import { JID, JidError } from '../../../jid.ts';

/** The size of a list of names as it is sent. */
export const MAX_BODY_BYTES = 1_048_576;
/** How many names a list may have. */
export const MAX_NAMES = 10_000;

const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads the users of a host whose rosters have changed, from a JSON array of localparts; what is the same once it is prepared
 * counts once. Throws HttpError: 400 for anything else, 413 for too many.
 */
export function namesInBody(body: Uint8Array, domain: string): ReadonlySet<string> {
  const list = parse(body);
  if (!Array.isArray(list)) throw new HttpError(400, 'The body has to be a JSON array of usernames.');
  if (list.length > MAX_NAMES) throw new HttpError(413, `The list has more than ${MAX_NAMES} names.`);
  return new Set(list.map((name: unknown, index) => prepare(name, `Name ${index + 1} of the list`, domain)));
}

/** Reads the user at the end of a path, percent-encoded. Throws HttpError 400. */
export function nameInPath(path: string, prefix: string, domain: string): ReadonlySet<string> {
  const encoded = path.slice(prefix.length);
  let name: string;
  try {
    name = decodeURIComponent(encoded);
  } catch {
    throw new HttpError(400, 'The name in the path is not percent-encoded UTF-8.');
  }
  return new Set([prepare(name, 'The name in the path', domain)]);
}

function parse(body: Uint8Array): unknown {
  if (body.length === 0) throw new HttpError(400, 'There is no body: send a JSON array of usernames.');
  let text: string;
  try {
    text = utf8.decode(body);
  } catch {
    throw new HttpError(400, 'The body is not UTF-8.');
  }
  try {
    return JSON.parse(text);
  } catch {
    throw new HttpError(400, 'The body is not JSON.');
  }
}

function prepare(name: unknown, which: string, domain: string): string {
  if (typeof name !== 'string') throw new HttpError(400, `${which} is not a string.`);
  if (name === '') throw new HttpError(400, `${which} is empty.`);
  if (name.includes('@')) throw new HttpError(400, `${which} is an address: send usernames, without @${domain}.`);
  try {
    return JID.of(name, domain).local;
  } catch (error) {
    if (error instanceof JidError) throw new HttpError(400, `${which} is not a username: the ${error.message}.`);
    throw error;
  }
}
