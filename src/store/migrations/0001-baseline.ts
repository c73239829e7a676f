import type { Migration } from '../schema.ts';

/** The first layout: keys as in `keys.ts`, JSON values. New stores begin here, so there is nothing to do. */
export const baseline: Migration = {
  version: 1,
  what: 'the first layout',
  run: async () => {},
};
