/** A document that a feature implements: `{ xep: 280, version: '1.0.1' }` or `{ rfc: 6121, sections: '2' }`. */
export type Spec =
  | { readonly xep: number; readonly version: string; readonly note?: string }
  | { readonly rfc: number; readonly sections?: string; readonly note?: string };
