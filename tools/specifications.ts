// What people are told of each specification that the code says it implements: its title, and what is there and what is
// not. The code has the numbers and versions, so neither can be forgotten when the other changes.

/** A XEP as docs/xeps.md and parley.doap describe it. */
export interface Xep {
  readonly title: string;
  readonly support: 'complete' | 'partial';
  readonly done: string;
  readonly missing?: string;
}

/** The XEPs that the code names in the specs of its features, or as built in. */
export const XEPS: Readonly<Record<number, Xep>> = {
  4: {
    title: 'Data Forms',
    support: 'complete',
    done: 'Forms of service discovery, registration and commands, with tables; what is filled in is checked.',
  },
  12: {
    title: 'Last Activity',
    support: 'complete',
    done: 'Uptime of the server; for how long an account has been away, for contacts with a subscription. A crash may lose the last 5 seconds of farewells.',
  },
  30: {
    title: 'Service Discovery',
    support: 'complete',
    done: 'Info and items of the server and of accounts. An account answers strangers as one that does not exist.',
  },
  49: {
    title: 'Private XML Storage',
    support: 'complete',
    done: 'One element under each name and namespace, within a size for each account. Reserved namespaces are refused.',
  },
  50: {
    title: 'Ad-Hoc Commands',
    support: 'complete',
    done: 'Commands of owners at their own address and at the host; those of administrators at the host. In English.',
  },
  54: {
    title: 'vcard-temp',
    support: 'complete',
    done: 'One vCard for each account, kept as it is, within a size; everyone may read it. A photo has to be in base64.',
  },
  59: {
    title: 'Result Set Management',
    support: 'partial',
    done: 'Pages of the archive forwards and backwards, with exact counts and places; the count alone.',
    missing: 'Pages by their index.',
  },
  68: {
    title: 'Field Standardization for Data Forms',
    support: 'complete',
    done: 'The forms in service discovery and of registration.',
  },
  77: {
    title: 'In-Band Registration',
    support: 'partial',
    done: 'Registration by user name and password, with a form or without (off unless configured, with a rate limit), change of password, removal of the account.',
    missing: 'Redirection to a web page, registration of anything but accounts.',
  },
  82: {
    title: 'XMPP Date and Time Profiles',
    support: 'complete',
    done: 'Every time that the server writes is in UTC.',
  },
  92: {
    title: 'Software Version',
    support: 'complete',
    done: 'Name and version; the operating system only if the operator wants it.',
  },
  115: {
    title: 'Entity Capabilities',
    support: 'partial',
    done: "The server's own capabilities in the stream features (§6.3). Those of clients pass unchanged.",
    missing: 'Caps optimization (§8.4).',
  },
  122: { title: 'Data Forms Validation', support: 'partial', done: 'Ranges of whole numbers.', missing: 'The rest.' },
  128: { title: 'Service Discovery Extensions', support: 'complete', done: 'Forms in the answers to disco#info.' },
  133: {
    title: 'Service Administration',
    support: 'partial',
    done: 'Users are added, removed and listed, their passwords changed, their sessions ended; last logins. More under names of our own: docs/commands.md.',
    missing: 'Announcements, messages of the day, black lists; users cannot be disabled yet.',
  },
  153: {
    title: 'vCard-Based Avatars',
    support: 'complete',
    done: 'The server adds the hash of the photo to presence and corrects it, and sends presence anew when the photo changes. A client that says it shows none is left alone.',
  },
  156: {
    title: 'Discovering Alternative XMPP Connection Methods',
    support: 'complete',
    done: '`/.well-known/host-meta` and `host-meta.json` with CORS: the WebSocket, under the public URL if there is one, otherwise of the https listener.',
  },
  157: {
    title: 'Contact Addresses for XMPP Services',
    support: 'complete',
    done: 'All seven kinds of addresses, configured for each host.',
  },
  160: {
    title: 'Best Practices for Handling Offline Messages',
    support: 'complete',
    done: 'Kept while no resource of non-negative priority is there, within a number and a size; handed over in order.',
  },
  175: {
    title: 'Best Practices for Use of SASL ANONYMOUS',
    support: 'complete',
    done: 'Off unless configured. What an anonymous account has is gone with its last session.',
  },
  178: {
    title: 'Best Practices for Use of SASL EXTERNAL with Certificates',
    support: 'partial',
    done: 'Clients (§2) whose certificate names their address as id-on-xmppAddr, from authorities that are configured.',
    missing: 'Servers (§3), because there is no federation yet; addresses from other fields of a certificate.',
  },
  191: {
    title: 'Blocking Command',
    support: 'complete',
    done: 'Addresses of any kind. Subscriptions stay; the blocked address is answered as if there were no account. The own account and server cannot be blocked.',
  },
  198: {
    title: 'Stream Management',
    support: 'complete',
    done: 'Acknowledgements and resumption. What a session that does not come back had not acknowledged goes to the other sessions, to offline storage or back. Sessions outlive a restart of the server, though not its sudden death.',
  },
  199: {
    title: 'XMPP Ping',
    support: 'complete',
    done: 'Answers for the server and for accounts; pings clients that have been silent for long.',
  },
  202: { title: 'Entity Time', support: 'complete', done: 'Time and zone of the server.' },
  203: {
    title: 'Delayed Delivery',
    support: 'complete',
    done: 'Messages that were kept say since when; forged notes in the name of the server are removed.',
  },
  215: {
    title: 'External Service Discovery',
    support: 'complete',
    done: 'Services from the configuration, with credentials of each user for coturn; changes are pushed. Only for the users of the host.',
  },
  227: {
    title: 'Portable Import/Export Format for XMPP-IM Servers',
    support: 'partial',
    done: 'Export and import of users with SCRAM keys, rosters, requests, block lists, offline messages, archives and their preferences, private XML, vCards; documents in several files; many users and hosts in one document. Times, roles, clients and links to uploaded files in namespaces of our own.',
    missing: 'PEP nodes; of privacy lists only addresses that are denied everything are taken.',
  },
  232: { title: 'Software Information', support: 'partial', done: 'Name and version.', missing: 'The icon.' },
  280: {
    title: 'Message Carbons',
    support: 'complete',
    done: 'Both directions, by exactly the rules of section 6.1, errors included; also enabled along with the login, kept over resumption and restart. Forged copies are refused.',
  },
  297: {
    title: 'Stanza Forwarding',
    support: 'complete',
    done: 'Carbons and what is read from archives contain the message as it was.',
  },
  313: {
    title: 'Message Archive Management',
    support: 'complete',
    done: 'An archive for each account, with all that `urn:xmpp:mam:2#extended` stands for; its end is told along with the login. Nothing expires unless configured. See docs/archive.md.',
  },
  334: {
    title: 'Message Processing Hints',
    support: 'complete',
    done: '`no-store` and `store` decide what is kept for later, `no-permanent-store` what is archived, `no-copy` what carbons copy.',
  },
  352: {
    title: 'Client State Indication',
    support: 'complete',
    done: 'An inactive client is sent presence (the last of each resource), chat states, receipts, markers and news of nodes only along with something that cannot wait, in order; also had along with the login. Bounded, and as safe as what was sent and not acknowledged.',
  },
  357: {
    title: 'Push Notifications',
    support: 'partial',
    done: 'Clients are woken that are offline, hibernate, are inactive or do not acknowledge; without content unless configured. Failing app servers are asked later, refusing ones not again.',
    missing: 'App servers that are not services of this server: that needs federation.',
  },
  359: {
    title: 'Unique and Stable Stanza IDs',
    support: 'complete',
    done: 'Messages have the identifiers of the archive of whom they reach; forged ones are removed.',
  },
  363: {
    title: 'HTTP File Upload',
    support: 'complete',
    done: 'On the HTTP listeners, with all purposes, quotas by account and day, ranges, and CORS for web clients.',
  },
  368: {
    title: 'SRV records for XMPP over TLS',
    support: 'complete',
    done: "TLS from the first byte with ALPN `xmpp-client` and SNI. The records are the operator's to publish.",
  },
  377: {
    title: 'Blocking Command Reports',
    support: 'complete',
    done: 'Reports are kept for the administrators, in bounded number. None is forwarded, whatever the user agrees to.',
  },
  386: {
    title: 'Bind 2',
    support: 'complete',
    done: 'A resource, stream management, carbons, client state and the end of the archive within the login. The resource of a client is the same at each login and tells nothing of its identifier.',
  },
  388: {
    title: 'Extensible SASL Profile',
    support: 'partial',
    done: 'Beside the profile of RFC 6120, over TLS only, with tasks after the login.',
    missing: 'TLS early data (0-RTT), which Node.js does not offer to servers; second factors.',
  },
  424: {
    title: 'Message Retraction',
    support: 'complete',
    done: 'The server puts tombstones into the archives of both sides, if the message is among the last 10,000 of the conversation.',
  },
  438: {
    title: 'Best practices for password hashing and storage',
    support: 'partial',
    done: 'Passwords are kept only as SCRAM keys: a salt of its own for each hash function, 10,000 iterations by default.',
    missing: 'A least length for passwords, pepper, and new keys at login when the iterations are raised.',
  },
  440: {
    title: 'SASL Channel-Binding Type Capability',
    support: 'complete',
    done: 'The types that work on the connection are listed beside both SASL profiles.',
  },
  441: {
    title: 'Message Archive Management Preferences',
    support: 'complete',
    done: 'Everything is archived unless the account says otherwise, in this way or by a command.',
  },
  474: {
    title: 'SASL SCRAM Downgrade Protection',
    support: 'complete',
    done: 'SCRAM signs what was offered, so that a client notices when somebody has removed the stronger mechanisms.',
  },
  478: {
    title: 'Stream Limits Advertisement',
    support: 'complete',
    done: 'The largest stanza and the longest silence, before login and after.',
  },
  480: {
    title: 'SASL Upgrade Tasks',
    support: 'complete',
    done: 'An account without keys for SCRAM-SHA-256 or -512 gains them at a login with its password.',
  },
  484: {
    title: 'Fast Authentication Streamlining Tokens',
    support: 'partial',
    done: 'HT-SHA-256 with EXPR, ENDP and NONE: tokens for each client that expire, rotate, count and can be revoked.',
    missing: 'TLS early data (0-RTT), which Node.js does not offer to servers.',
  },
  493: {
    title: 'OAuth Client Login',
    support: 'complete',
    done: 'Applications register by themselves, people grant them what they choose on a page, OAUTHBEARER tells where. All scopes.',
  },
  494: {
    title: 'Client Access Management',
    support: 'complete',
    done: 'The owner of an account lists the clients that can reach it and revokes them; in the namespace of Prosody too.',
  },
  509: {
    title: 'Initial Authentication Pipelining',
    support: 'complete',
    done: 'Clients that know what was offered the last time may log in before they are told.',
  },
  515: {
    title: 'TLS Channel-Binding Downgrade Protection',
    support: 'complete',
    done: 'The list of types that SCRAM signs is that which was sent.',
  },
};

/** What people look for and this version does not have. */
export const NOT_YET: Readonly<Record<number, string>> = {
  45: 'Multi-User Chat',
  60: 'Publish-Subscribe',
  65: 'SOCKS5 Bytestreams (proxy)',
  114: 'Jabber Component Protocol',
  163: 'Personal Eventing Protocol (avatars, OMEMO keys, bookmarks)',
  206: 'XMPP over BOSH',
  220: 'Server Dialback (federation)',
};

/** The titles of the RFCs that the code names. */
export const RFCS: Readonly<Record<number, string>> = {
  3921: 'Instant Messaging and Presence (of 2004)',
  4013: 'SASLprep',
  4226: 'HOTP: One-Time Passwords by Counter',
  4422: 'SASL',
  4505: 'SASL ANONYMOUS',
  4616: 'SASL PLAIN',
  5802: 'SCRAM-SHA-1 and SCRAM-SHA-1-PLUS',
  5890: 'Internationalized Domain Names (IDNA2008)',
  5929: 'Channel Bindings for TLS',
  6120: 'XMPP: Core',
  6121: 'XMPP: Instant Messaging and Presence',
  6238: 'TOTP: One-Time Passwords by Time',
  6415: 'Web Host Metadata',
  6749: 'OAuth 2.0',
  6750: 'OAuth 2.0: Bearer Tokens',
  7009: 'OAuth 2.0: Token Revocation',
  7395: 'XMPP over WebSocket',
  7590: 'Use of TLS in XMPP',
  7591: 'OAuth 2.0: Dynamic Client Registration',
  7622: 'XMPP: Address Format',
  7628: 'OAUTHBEARER',
  7636: 'OAuth 2.0: Proof Key for Code Exchange (PKCE)',
  7662: 'OAuth 2.0: Token Introspection',
  7677: 'SCRAM-SHA-256 and SCRAM-SHA-256-PLUS',
  8264: 'PRECIS Framework',
  8265: 'PRECIS: User Names and Passwords',
  8414: 'OAuth 2.0: Authorization Server Metadata',
  8628: 'OAuth 2.0: Device Authorization Grant',
  9207: 'OAuth 2.0: Issuer Identification',
  9266: 'Channel Bindings for TLS 1.3',
};
