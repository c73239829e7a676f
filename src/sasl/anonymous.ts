import { SaslError } from '../errors.ts';
import { JID } from '../jid.ts';
import { unguessableBytes } from '../util/ids.ts';
import type { SaslMechanism } from './mechanism.ts';
import { decodeUtf8 } from './prepare.ts';

// 255 characters of UTF-8.
const MAX_TRACE_BYTES = 1020;

/**
 * A temporary account for whoever asks. RFC 4505, XEP-0175. The localpart is as random as the UUID that the XEP
 * recommends; trace data is checked, then ignored. An empty `<auth/>` is enough: there is nothing to challenge for.
 */
export const anonymous: SaslMechanism = {
  name: 'ANONYMOUS',
  usable: () => true,
  start: ({ context }) => ({
    step(trace) {
      if (trace !== undefined && (trace.length > MAX_TRACE_BYTES || decodeUtf8(trace).includes('\0'))) {
        throw new SaslError('malformed-request', { text: 'The trace information is malformed.' });
      }
      const jid = JID.of(unguessableBytes(16).toString('hex'), context.domain);
      return { kind: 'success', jid, anonymous: true };
    },
  }),
};
