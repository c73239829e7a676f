import { StanzaError } from '../../errors.ts';
import { attr, children, type Element } from '../../xml/element.ts';
import { parseDateTime } from '../shared/date-time.ts';
import { isMediaType } from './media-type.ts';
import { isPurpose, NS_PURPOSE, type Purpose } from './purpose.ts';

/** The namespace of slots. XEP-0363 §4. */
export const NS_UPLOAD = 'urn:xmpp:http:upload:0';

const MAX_NAME_BYTES = 1024;
/** So large a number of digits is no size but nonsense. */
const SIZE = /^\d{1,30}$/;

/** What a client wants to upload. */
export interface SlotRequest {
  readonly name: string;
  /** In bytes, at least 1; it may be larger than a safe integer. */
  readonly size: number;
  readonly type: string | undefined;
  readonly purpose: Purpose;
  /** In milliseconds since the Unix epoch; for ephemeral files. */
  readonly expireBefore: number | undefined;
}

/**
 * Reads a request for a slot. XEP-0363 §4, §5.
 * @throws StanzaError `bad-request` for what is missing or malformed, `feature-not-implemented` for a purpose that we do not
 * know.
 */
export function parseSlotRequest(request: Element): SlotRequest {
  const name = attr(request, 'filename') ?? '';
  if (name === '') throw new StanzaError('bad-request', { text: 'a file needs a name' });
  if (Buffer.byteLength(name) > MAX_NAME_BYTES) {
    throw new StanzaError('bad-request', { text: `a file name has at most ${MAX_NAME_BYTES} bytes` });
  }
  const size = attr(request, 'size') ?? '';
  if (!SIZE.test(size) || Number(size) === 0) {
    throw new StanzaError('bad-request', { text: 'the size of a file is a number of bytes, at least 1' });
  }
  const type = attr(request, 'content-type') ?? '';
  if (type !== '' && !isMediaType(type)) {
    throw new StanzaError('bad-request', { text: 'the content-type is no media type' });
  }
  return { name, size: Number(size), type: type === '' ? undefined : type, ...purposeOf(request) };
}

function purposeOf(request: Element): Pick<SlotRequest, 'purpose' | 'expireBefore'> {
  const [element, second] = children(request, undefined, NS_PURPOSE);
  if (element === undefined) return { purpose: 'message', expireBefore: undefined };
  if (second !== undefined) throw new StanzaError('bad-request', { text: 'a file has one purpose' });
  const purpose = element.name;
  if (!isPurpose(purpose)) throw new StanzaError('feature-not-implemented', { text: 'an unknown purpose' });
  if (purpose !== 'ephemeral') return { purpose, expireBefore: undefined };
  const expireBefore = parseDateTime(attr(element, 'expire-before') ?? '');
  if (expireBefore !== undefined) return { purpose, expireBefore };
  throw new StanzaError('bad-request', { text: 'an ephemeral file needs a time when it expires' });
}
