// The namespaces of the core specifications. An extension keeps its own namespaces in its own file.

/** Client-to-server stanzas. RFC 6120 §4.8.3. */
export const NS_CLIENT = 'jabber:client';
/** The stream element, its features and its errors. RFC 6120 §4.8.2. */
export const NS_STREAMS = 'http://etherx.jabber.org/streams';
/** Stream error conditions. RFC 6120 §4.9.2. */
export const NS_STREAM_ERRORS = 'urn:ietf:params:xml:ns:xmpp-streams';
/** Stanza error conditions. RFC 6120 §8.3.2. */
export const NS_STANZAS = 'urn:ietf:params:xml:ns:xmpp-stanzas';
/** STARTTLS negotiation. RFC 6120 §5. */
export const NS_TLS = 'urn:ietf:params:xml:ns:xmpp-tls';
/** SASL negotiation. RFC 6120 §6. */
export const NS_SASL = 'urn:ietf:params:xml:ns:xmpp-sasl';
/** Resource binding. RFC 6120 §7. */
export const NS_BIND = 'urn:ietf:params:xml:ns:xmpp-bind';
/** Session establishment, a courtesy to old clients. RFC 3921 §3, RFC 6121 Appendix E. */
export const NS_SESSION = 'urn:ietf:params:xml:ns:xmpp-session';
/** Opening and closing a stream over WebSocket. RFC 7395 §3.3. */
export const NS_FRAMING = 'urn:ietf:params:xml:ns:xmpp-framing';
/** What the prefix `xml` always means. Namespaces in XML §3. */
export const NS_XML = 'http://www.w3.org/XML/1998/namespace';
/** What the prefix `xmlns` always means. Namespaces in XML §3. */
export const NS_XMLNS = 'http://www.w3.org/2000/xmlns/';
