import type { Migration } from '../schema.ts';
import { baseline } from './0001-baseline.ts';

/** All migrations in order; the last is the schema that this program writes. */
export const migrations: readonly Migration[] = [baseline];
