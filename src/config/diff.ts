import type { Config, ConfigDefinition } from './config.ts';
import { joinPath } from './problem.ts';
import type { Node, Reload } from './schema.ts';
import { Secret } from './secret.ts';

/** The paths of the options that differ, by what their change needs. */
export type ConfigChanges = Readonly<Record<Reload, readonly string[]>>;

/** Returns what differs between two configurations of one definition. */
export function diffConfig(definition: ConfigDefinition, before: Config, after: Config): ConfigChanges {
  const changes: Changes = { live: [], restart: [], before, after };
  compare(definition, before, after, '', changes);
  const { live, restart } = changes;
  return { live, restart };
}

/** What has been found, and the two configurations as a whole. */
interface Changes extends Record<Reload, string[]> {
  readonly before: Config;
  readonly after: Config;
}

function compare(node: Node, before: unknown, after: unknown, path: string, changes: Changes): void {
  switch (node.node) {
    case 'option':
      if (!isSame(before, after)) changes[node.reload].push(path);
      return;
    case 'section':
      for (const [name, entry] of Object.entries(node.entries)) {
        compare(entry, memberOf(before, name), memberOf(after, name), joinPath(path, name), changes);
      }
      return;
    case 'switch':
      if (before === false || after === false) {
        if (before !== after) changes.restart.push(path);
      } else compare(node.section, before, after, path, changes);
      return;
    case 'map':
      for (const name of namesOf(before, after)) {
        const [was, is] = [memberOf(before, name), memberOf(after, name)];
        if (was === undefined || is === undefined) changes[node.reload].push(joinPath(path, name));
        else compare(node.value, was, is, joinPath(path, name), changes);
      }
      return;
    case 'overrides':
      // What only one of them gives anew was, or will be, as in the section that it stands for.
      for (const name of namesOf(before, after)) {
        const entry = node.switches[name];
        const was = memberOf(before, name) ?? memberOf(memberOf(changes.before, node.of), name);
        const is = memberOf(after, name) ?? memberOf(memberOf(changes.after, node.of), name);
        if (entry !== undefined) compare(entry, was, is, joinPath(path, name), changes);
      }
  }
}

function isSame(a: unknown, b: unknown): boolean {
  if (a instanceof Secret || b instanceof Secret) return a instanceof Secret && b instanceof Secret && a.equals(b);
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return a === b;
  return (
    Array.isArray(a) === Array.isArray(b) && namesOf(a, b).every((name) => isSame(memberOf(a, name), memberOf(b, name)))
  );
}

function namesOf(a: unknown, b: unknown): string[] {
  return [...new Set([...Object.keys(Object(a)), ...Object.keys(Object(b))])];
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? Object.entries(value).find(([key]) => key === name)?.[1]
    : undefined;
}
