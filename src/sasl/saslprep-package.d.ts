declare module 'saslprep' {
  /** Prepares a string by RFC 4013; throws on prohibited characters and broken bidirectional text. */
  function saslprep(text: string, options?: { readonly allowUnassigned?: boolean }): string;
  export = saslprep;
}
