import type { Feature } from '../../core/feature.ts';
import { portability } from './api.ts';
import { writeDocument } from './document.ts';
import { DocumentImport } from './document-import.ts';

/** Moves accounts between servers: what each feature keeps of them, as one document. XEP-0227. */
export const portable: Feature = {
  name: 'portable',
  specs: [{ xep: 227, version: '1.1' }],
  setup(host) {
    host.provide(portability, {
      write: writeDocument,
      read: (source, options) => new DocumentImport(source, options).run(),
    });
  },
};
