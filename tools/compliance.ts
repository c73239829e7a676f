// What the XMPP Compliance Suites 2023 (XEP-0479) ask of servers, whether this one does it, and which tests prove that.
// docs/xeps.md is written from this; tools/compliance-page.ts checks that the tests are there.

/** A specification that a feature of a suite consists of. */
export type Provider = { readonly rfc: number } | { readonly xep: number };

/** The names of tests, or of groups of tests, by their file; `…` stands for what a name has from a variable. */
export type Proof = Readonly<Record<string, readonly string[]>>;

/** A feature that a suite asks of servers: of all of them (Core), or only of advanced ones. */
export interface Requirement {
  readonly feature: string;
  readonly level: 'Core' | 'Advanced';
  readonly providers: readonly Provider[];
  readonly support: 'yes' | 'partly' | 'not yet';
  /** What is missing, or what has to be known besides. */
  readonly note?: string;
  readonly proof?: Proof;
}

/** One of the suites. */
export interface Suite {
  readonly name: string;
  readonly servers: readonly Requirement[];
  /** The features in which servers have no part. */
  readonly clientsOnly: readonly string[];
}

/** A run of a whole client of others, which checks most of what is here. */
const slixmpp: Proof = {
  'test/interop/slixmpp.test.ts': ['a client made with slixmpp finds everything as it expects, …'],
};

const streamManagement: Proof = {
  'test/features/sm/acknowledgements.test.ts': ['the server counts stanzas and nothing else, whatever becomes of them'],
  'test/features/sm/resumption.test.ts': [
    'a session whose connection broke stays available, and what is sent to it waits',
  ],
  'test/features/sm/cuts.test.ts': ['wherever connections are cut, each message arrives once and in order'],
  'test/e2e/resumption.test.ts': [
    'connections cut after up to … bytes lose none of … messages each way, and double none',
    'a restart under traffic is nothing but a pause for a thousand sessions',
  ],
};

const core: readonly Requirement[] = [
  {
    feature: 'Core features',
    level: 'Core',
    providers: [{ rfc: 6120 }],
    support: 'partly',
    note: 'Between clients and the server. There are no streams between servers.',
    proof: {
      'test/stream/tcp.test.ts': [
        'STARTTLS: required, negotiated, and not offered again',
        'requests are answered in the order of asking, however long each takes (RFC 6120 §10.1)',
      ],
      'test/sasl/sasl1.test.ts': ['SASL as of RFC 6120 §6'],
      'test/c2s/bind.test.ts': ['the resource that a client wants, normalised'],
      'test/c2s/stream-errors.test.ts': [
        'each fault of a header has its condition, and our header comes before it (RFC 6120 §4.9.3)',
      ],
      'test/core/addressing.test.ts': [
        'from is stamped, whether the client writes its full address, its bare one or none',
      ],
      'test/e2e/login.test.ts': ['@xmpp/client logs in over … with …'],
      ...slixmpp,
    },
  },
  {
    feature: 'TLS',
    level: 'Core',
    providers: [{ rfc: 7590 }],
    support: 'yes',
    proof: {
      'test/e2e/login.test.ts': ['nobody logs in without encryption'],
      'test/stream/tcp.test.ts': ['what is sent in clear text behind <starttls/> is never interpreted'],
      'test/tls/acceptor.test.ts': [
        'TLS 1.1 is refused, and TLS 1.2 where the operator wants 1.3',
        'each host and its services show their certificate, unknown names the first host',
      ],
    },
  },
  {
    feature: 'Direct TLS',
    level: 'Advanced',
    providers: [{ xep: 368 }],
    support: 'yes',
    proof: {
      'test/stream/tcp.test.ts': ['direct TLS'],
      'test/tls/acceptor.test.ts': ['a client may choose the offered protocol or none, but no other'],
      'test/e2e/login.test.ts': ['@xmpp/client logs in over … with …'],
    },
  },
  {
    feature: 'Feature discovery',
    level: 'Core',
    providers: [{ xep: 30 }],
    support: 'yes',
    proof: {
      'test/features/disco.test.ts': ['the server tells who it is and what it can do, each feature once and in order'],
      'test/e2e/services.test.ts': ['a client finds out what the server is and can do'],
      ...slixmpp,
    },
  },
  {
    feature: 'Feature broadcasts',
    level: 'Advanced',
    providers: [{ xep: 115 }],
    support: 'yes',
    proof: {
      'test/features/caps.test.ts': ['the stream features carry the hash of what disco#info answers for its node'],
    },
  },
  { feature: 'Server Extensibility', level: 'Core', providers: [{ xep: 114 }], support: 'not yet' },
  { feature: 'Event publishing', level: 'Advanced', providers: [{ xep: 163 }], support: 'not yet' },
];

const web: readonly Requirement[] = [
  {
    feature: 'Web Connection Mechanisms',
    level: 'Core',
    providers: [{ rfc: 7395 }, { xep: 206 }],
    support: 'partly',
    note: 'WebSocket, which is enough for clients, and host-meta (XEP-0156), which leads them there. No BOSH.',
    proof: {
      'test/stream/websocket.test.ts': ['<open/>, elements and <close/> are what a stream is told of'],
      'test/e2e/login.test.ts': [
        '@xmpp/client logs in over … with …',
        'stanza logs in over … with the best mechanism it knows',
      ],
      'test/e2e/services.test.ts': ['host-meta leads clients in browsers to the WebSocket'],
      'test/e2e/hostile-http.test.ts': ['a WebSocket that breaks the rules of its framing or of XMPP is closed'],
    },
  },
];

const im: readonly Requirement[] = [
  {
    feature: 'Core features',
    level: 'Core',
    providers: [{ rfc: 6121 }],
    support: 'yes',
    note: 'Among the users of this server; there are no others to reach.',
    proof: {
      'test/features/roster/roster.test.ts': [
        'a roster set adds an item with its name and groups, and the sender is pushed it before the result',
      ],
      'test/features/presence/subscription.test.ts': [
        'an outbound "…" in the state … is … and leads to …',
        'an inbound "…" in the state … is … and leads to …',
      ],
      'test/core/delivery.test.ts': ['recipients are chosen by the table of RFC 6121 §8.5.4'],
      'test/e2e/roster.test.ts': ['a subscription is asked for, approved, seen in presence both ways, and ended'],
      'test/e2e/messages.test.ts': [
        'messages reach full addresses, and bare ones on the device of the highest priority',
      ],
      ...slixmpp,
    },
  },
  {
    feature: 'User Avatar Compatibility',
    level: 'Advanced',
    providers: [{ xep: 398 }, { xep: 153 }],
    support: 'partly',
    note: 'Presence says what photo the vCard has (XEP-0398 §4). There is nothing to convert while there are no avatars by PEP.',
    proof: {
      'test/features/vcard/avatar.test.ts': [
        'presence that leaves says what photo there is, to contacts and to whom it is directed',
        'when the photo changes all who see the account are told, of each of its devices',
      ],
      'test/e2e/commands.test.ts': ['contacts see the photo that a client puts into its card, from all devices'],
      ...slixmpp,
    },
  },
  {
    feature: 'vcard-temp',
    level: 'Core',
    providers: [{ xep: 54 }],
    support: 'yes',
    proof: {
      'test/features/vcard/vcard.test.ts': ['a vCard is read back as it was set, by its owner and by anyone'],
      'test/e2e/services.test.ts': ['a vCard is kept, and others see it'],
      ...slixmpp,
    },
  },
  {
    feature: 'Outbound Message Synchronization',
    level: 'Core',
    providers: [{ xep: 280 }],
    support: 'yes',
    proof: {
      'test/features/carbons/copies.test.ts': [
        'a message to one device is copied to the others with carbons, as it was',
        'a message that is sent is copied to the other devices, whether its sender has carbons or not',
      ],
      'test/features/carbons/eligible.test.ts': [
        'of the messages that are received, those of conversations are copied',
      ],
      'test/e2e/devices.test.ts': [
        'three devices see the same conversation, whichever of them takes part in it',
        'the library stanza enables carbons by itself and reads them',
      ],
      ...slixmpp,
    },
  },
  {
    feature: 'User Blocking',
    level: 'Advanced',
    providers: [{ xep: 191 }],
    support: 'yes',
    proof: {
      'test/features/blocking/commands.test.ts': [
        'every resource that has asked for the list is told of changes, and no other',
      ],
      'test/features/blocking/stanzas.test.ts': [
        'whoever is blocked is answered to the letter what is said of an account that does not exist',
        'what is sent to a blocked address goes nowhere, and the sender is told why',
      ],
      'test/features/blocking/presence.test.ts': [
        'a contact that is blocked sees every available resource go, and come again when it is unblocked',
      ],
      'test/e2e/blocking.test.ts': ['blocking holds for all devices, across a restart, and nobody is told'],
      ...slixmpp,
    },
  },
  {
    feature: 'Group Chat',
    level: 'Core',
    providers: [{ xep: 45 }, { xep: 249 }],
    support: 'not yet',
    note: 'Direct invitations (XEP-0249) pass from client to client as they are.',
  },
  {
    feature: 'Advanced Group Chat',
    level: 'Advanced',
    providers: [{ xep: 48 }, { xep: 313 }, { xep: 402 }, { xep: 410 }],
    support: 'not yet',
    note: 'This asks for the archives of rooms; those of accounts are there (XEP-0313).',
  },
  {
    feature: 'Persistent Storage of Private Data via PubSub',
    level: 'Advanced',
    providers: [{ xep: 223 }],
    support: 'not yet',
  },
  {
    feature: 'Private XML Storage',
    level: 'Advanced',
    providers: [{ xep: 49 }],
    support: 'yes',
    proof: {
      'test/features/private-xml.test.ts': [
        'an element is read back as it was set',
        "nobody reads or writes another's",
      ],
      'test/e2e/services.test.ts': ['private XML is kept for its owner alone'],
      ...slixmpp,
    },
  },
  {
    feature: 'Stream Management',
    level: 'Advanced',
    providers: [{ xep: 198 }],
    support: 'yes',
    proof: streamManagement,
  },
  {
    feature: 'History Storage / Retrieval',
    level: 'Advanced',
    providers: [{ xep: 313 }],
    support: 'yes',
    proof: {
      'test/features/mam/archiving.test.ts': [
        'both sides have a message in their archives, under the identifier that each was told',
        'nobody is sent an identifier of a message that was not stored, and its sender is told',
      ],
      'test/features/mam/queries.test.ts': [
        'pages follow each other forwards and backwards, with their places and the count',
        "nobody reads another's archive, nor learns that there is one",
      ],
      'test/features/mam/search.test.ts': [
        'every page of every query is what a plain list would give, with its count and its place',
      ],
      'test/features/mam/preferences.test.ts': [
        'everything is archived unless the account says otherwise, and what it says is kept',
      ],
      'test/e2e/archive.test.ts': [
        'a device that was off, and one that is new, read what they have missed',
        'what arrives while a device reads its archive is neither lost nor doubled',
      ],
      ...slixmpp,
    },
  },
  {
    feature: 'File Upload',
    level: 'Core',
    providers: [{ xep: 363 }],
    support: 'yes',
    proof: {
      'test/features/upload/slots.test.ts': [
        'the service is an item of the host and says what it is and how large a file may be',
        'a slot has the same unguessable URL to put to and to get from, with the name of the file',
      ],
      'test/features/upload/transfer.test.ts': [
        'what is put into a slot is had from its URL',
        'only pictures, sound and films are shown by browsers, everything else is saved',
      ],
      'test/e2e/upload.test.ts': [
        'a client made with stanza finds the service and uploads; another one, and a browser, read the file',
      ],
    },
  },
];

const mobile: readonly Requirement[] = [
  {
    feature: 'Stream Management',
    level: 'Core',
    providers: [{ xep: 198 }],
    support: 'yes',
    proof: streamManagement,
  },
  {
    feature: 'Client State Indication',
    level: 'Core',
    providers: [{ xep: 352 }],
    support: 'yes',
    proof: {
      'test/features/csi/csi.test.ts': [
        'an inactive client is left alone until something comes that is worth it, or until it is active',
      ],
      'test/features/csi/interleavings.test.ts': [
        'whenever a client is active, away or cut off, it has every message once and in order, and the last presence of each contact',
      ],
      'test/e2e/devices.test.ts': [
        'a phone in a pocket hears nothing but what is worth it, and has missed nothing when it is looked at',
      ],
      ...slixmpp,
    },
  },
  {
    feature: 'Third Party Push Notifications',
    level: 'Advanced',
    providers: [{ xep: 357 }],
    support: 'partly',
    note: 'App servers that are not services of this server cannot be reached: that needs federation. The rest is there.',
    proof: {
      'test/features/push/registrations.test.ts': ['Enabling', 'Disabling'],
      'test/features/push/waking.test.ts': ['A client is woken', 'With several devices'],
      'test/features/push/app-server.test.ts': ['What an app server is sent', 'An app server that fails for now'],
      'test/e2e/push.test.ts': [
        'a telephone made with stanza sleeps and is woken, while a computer made with @xmpp/client is in use',
      ],
    },
  },
];

const calls: readonly Requirement[] = [
  {
    feature: 'STUN/TURN server discovery',
    level: 'Core',
    providers: [{ xep: 215 }],
    support: 'yes',
    note: "The services are the operator's to configure: [calls.md](calls.md).",
    proof: {
      'test/features/external-services.test.ts': [
        'all services are told, with credentials where there are some',
        'credentials are such as coturn makes of its secret, and tell nobody who uses them',
      ],
      'test/e2e/commands.test.ts': ['clients are told where to relay their calls'],
    },
  },
];

/** The suites, in the order of XEP-0479 §2. */
export const SUITES: readonly Suite[] = [
  { name: 'Core', servers: core, clientsOnly: [] },
  { name: 'Web', servers: web, clientsOnly: ['Connection Mechanism Discovery'] },
  {
    name: 'IM',
    servers: im,
    clientsOnly: [
      'The /me Command',
      'User Avatars',
      'Message Acknowledgements',
      'Chat States',
      'Message Correction',
      'Direct File Transfer',
    ],
  },
  { name: 'Mobile', servers: mobile, clientsOnly: [] },
  {
    name: 'A/V Calling',
    servers: calls,
    clientsOnly: ['Call Setup', 'Transport', 'Encryption', 'Quality and Performance improvements'],
  },
];
