import { integer, milliseconds, orNull, quota, rate } from './kinds.ts';
import { option, section } from './schema.ts';

function bytes(value: number, doc: string, min: number = 1) {
  return option(integer(min), { default: value, doc, reload: 'live' });
}

function count(value: number, doc: string, min: number = 1) {
  return option(integer(min), { default: value, doc, reload: 'live' });
}

function wait(value: number, doc: string) {
  return option(milliseconds(), { default: value, doc, reload: 'live' });
}

const stanza = section(
  'The XML of one stanza. Beyond a limit the stream ends with `policy-violation`, while the bytes arrive.',
  {
    bytesBeforeAuth: bytes(10_240, 'The size of a top-level element before login, in bytes.', 1024),
    bytes: bytes(262_144, 'The size of a stanza after login, in bytes (at least 10,000, RFC 6120 §13.12).', 10_000),
    depth: count(64, 'How deep elements may nest.', 8),
    attributes: count(64, 'How many attributes an element may have.', 8),
    children: count(1024, 'How many child elements an element may have.', 8),
  },
);

const traffic = section('How fast one stream may send. Beyond it the server reads more slowly; nothing is lost.', {
  stanzas: option(orNull(rate()), {
    default: { perSecond: 50, burst: 500 },
    doc: 'Stanzas per second, and how many may come at once; `null` switches this off.',
    reload: 'live',
  }),
  bytes: option(orNull(rate()), {
    default: { perSecond: 65_536, burst: 655_360 },
    doc: 'Bytes per second, and how many may come at once; `null` switches this off.',
    reload: 'live',
  }),
});

const connections = section('Strangers. An address is an IPv4 address or an IPv6 /64.', {
  unauthenticatedPerAddress: option(orNull(integer(1)), {
    default: 20,
    doc: 'Streams of one address that have not logged in yet; `null` switches this off.',
    reload: 'live',
  }),
  attemptsPerAddress: option(orNull(quota()), {
    default: { count: 120, perMs: 60_000 },
    doc: 'Connections that one address may open in a time; `null` switches this off.',
    reload: 'live',
  }),
});

const account = section('What one account may hold in memory and in the store.', {
  sessions: count(20, 'Sessions at the same time; one more is refused with `resource-constraint`.'),
  rosterItems: count(2000, 'Contacts in the roster.'),
  blockedJids: count(1000, 'Addresses that are blocked (XEP-0191).'),
  directedPresence: count(1000, 'Addresses that one session keeps directed presence with (RFC 6121 §4.6).'),
  offlineMessages: count(1000, 'Messages kept while the user is away (XEP-0160); 0 keeps none.', 0),
  offlineBytes: bytes(4_194_304, 'The size of the messages kept while the user is away, together, in bytes.', 0),
  vcardBytes: bytes(131_072, 'The size of the vCard (XEP-0054), in bytes.'),
  privateXmlBytes: bytes(262_144, 'The size of all private XML (XEP-0049) together, in bytes.'),
});

const queue = section('What may wait in memory.', {
  outboxBytes: bytes(4_194_304, 'Bytes waiting for a client that does not read; beyond it the session ends.', 65_536),
  outboxStanzas: count(2000, 'Stanzas waiting for a client that does not read; beyond it the session ends.', 16),
  laneLength: count(1000, 'Stanzas waiting for one account; beyond it senders get `resource-constraint`.', 16),
});

const timeouts = section('How long the server waits. All in milliseconds.', {
  tlsHandshakeMs: wait(10_000, 'For the TLS handshake to finish.'),
  streamHeaderMs: wait(10_000, 'For the first stream header.'),
  authenticationMs: wait(60_000, 'For the login, from the first stream header on.'),
  bindMs: wait(30_000, 'For the resource to be bound, from the login on.'),
  silenceMs: wait(300_000, 'Without a byte from the client, before it is pinged.'),
  pingTimeoutMs: wait(60_000, 'For anything at all after that ping, before the stream ends.'),
  closeMs: wait(5_000, 'For the other side to close its stream too.'),
  shutdownMs: wait(10_000, 'For streams and writes to finish when the server stops.'),
  iqMs: wait(30_000, 'For a feature to answer a request.'),
  requestMs: wait(60_000, 'For a client to answer a request of the server.'),
});

/** Every bound on what a peer can make the server do or keep. */
export const limits = section(
  'Bounds on what a peer can make the server do or keep. Each can be raised; where `null` is accepted it switches the limit off.',
  { stanza, traffic, connections, account, queue, timeouts },
);
