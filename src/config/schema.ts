import * as v from 'valibot';

/** How many names a message lists of those that would have been valid. */
const MAX_NAMES_TOLD = 8;

/** What a change of an option needs: `live` is applied by a reload, `restart` waits for the next start. */
export type Reload = 'live' | 'restart';

/** What an option accepts: a schema whose messages say what was expected. The kinds are in `kinds.ts`. */
export type Kind<T = unknown> = v.GenericSchema<unknown, T>;

interface OptionNode {
  readonly node: 'option';
  readonly doc: string;
  readonly reload: Reload;
}

/** One setting with a default. */
export type Option<T = unknown> = Kind<T> & {
  readonly node: 'option';
  readonly wrapped: Kind;
  readonly default: unknown;
  readonly doc: string;
  readonly reload: Reload;
};

/** A group of options and further groups; an absent one is all defaults. */
export type Section<T = unknown> = Kind<T> & {
  readonly node: 'section';
  readonly entries: Readonly<Record<string, Node>>;
  readonly doc: string;
  /** Of a feature: it is off unless it is configured. */
  readonly isOptIn?: true;
  /** Of such a feature: what stands for it where it is not configured. */
  readonly absent?: unknown;
};

/** Sections by a name that the operator chooses, such as hosts by domain. */
export type SectionMap<T = unknown> = Kind<Readonly<Record<string, T>>> & {
  readonly node: 'map';
  readonly key: v.GenericSchema<string, string>;
  readonly value: Section<T>;
  readonly default: unknown;
  readonly doc: string;
  readonly reload: Reload;
};

/** A section that may be `false` (the feature is off) or `true` (all defaults). */
export type Switch<T = unknown> = Kind<T | false> & {
  readonly node: 'switch';
  readonly section: Section<T>;
  readonly doc: string;
};

/** Switches given anew for one place: what is absent here is as it is in the section of that name. */
export type Overrides<T = unknown> = Kind<T> & {
  readonly node: 'overrides';
  /** The section of the top level that has the switches. */
  readonly of: string;
  readonly switches: Readonly<Record<string, Switch>>;
  readonly doc: string;
};

/** Any part of a configuration's definition. */
export type Node = Option | Section | SectionMap | Switch | Overrides;

/** The type that a section parses to, read-only all the way down. */
export type ConfigOf<S extends Kind> = Immutable<v.InferOutput<S>>;

type Immutable<T> = T extends readonly (infer E)[]
  ? readonly Immutable<E>[]
  : T extends { reveal(): string }
    ? T
    : T extends object
      ? { readonly [K in keyof T]: Immutable<T[K]> }
      : T;

/**
 * Defines one setting.
 * `doc` is the sentence or two that the reference page and editors show: what it does, in which unit.
 */
export function option<const S extends Kind>(
  kind: S,
  details: { readonly default: undefined; readonly doc: string; readonly reload: Reload },
): v.OptionalSchema<S, undefined> & OptionNode;
export function option<const S extends Kind>(
  kind: S,
  details: { readonly default: v.InferInput<S>; readonly doc: string; readonly reload: Reload },
): v.OptionalSchema<S, v.InferInput<S> & NonNullable<unknown>> & OptionNode;
export function option<const S extends Kind>(
  kind: S,
  details: { readonly default: v.InferInput<S> | undefined; readonly doc: string; readonly reload: Reload },
) {
  return Object.assign(v.optional(kind, details.default), {
    node: 'option' as const,
    doc: details.doc,
    reload: details.reload,
  });
}

/** Defines a group. A key that is none of `entries` is a problem, and so is anything but an object. */
export function section<const E extends Readonly<Record<string, Node>>>(doc: string, entries: E) {
  const groups = Object.entries(entries).filter(([, node]) => node.node !== 'option');
  const absent = Object.fromEntries(groups.map(([key, node]) => [key, absentValue(node)]));
  const object = strictly(v.object(entries, 'an object'), Object.keys(entries), absent);
  return Object.assign(object, { node: 'section' as const, doc });
}

/** What is told of a feature that is `optIn`. */
export const OFF_UNLESS_CONFIGURED = 'Off unless configured.';

/**
 * Makes a feature's section one without which the feature is off. `absent` is for a feature that has something to say even
 * then: the configuration that it gets where there is none.
 */
export function optIn<const S extends Section>(of: S, absent: false | v.InferInput<S> = false): S {
  return Object.assign(of, { isOptIn: true as const, absent });
}

function absentValue(node: Node): unknown {
  if (node.node === 'map') return node.default;
  return node.node === 'switch' && node.section.isOptIn === true ? node.section.absent : {};
}

/** Defines sections by a name that the operator chooses and `key` prepares; two names may not become the same. */
export function sectionMap<const K extends v.GenericSchema<string, string>, const S extends Section>(
  key: K,
  value: S,
  details: {
    readonly default: Readonly<Record<string, unknown>>;
    readonly doc: string;
    readonly reload: Reload;
  },
) {
  const record = strictly(v.record(key, value, 'an object'));
  const run = record['~run'].bind(record);
  return Object.assign(record, {
    node: 'map' as const,
    ...details,
    '~run'(dataset: v.UnknownDataset, config: v.Config<v.BaseIssue<unknown>>) {
      const given = isObject(dataset.value) ? Object.keys(dataset.value).length : 0;
      const parsed = run(dataset, config);
      if (parsed.typed && Object.keys(parsed.value).length < given) {
        v._addIssue(record, 'key', parsed, config, { message: 'names that differ in their normal form' });
      }
      return parsed;
    },
  });
}

/** Lets `false` stand for "off" and `true` for all defaults in the place of a section. Absent means `true`, unless it is `optIn`. */
export function switchable<const S extends Section>(of: S) {
  const either = v.union([v.literal(false), of], 'an object, true or false');
  return Object.assign(either, {
    node: 'switch' as const,
    section: of,
    doc: of.doc,
    '~run'(dataset: v.UnknownDataset, config: v.Config<v.BaseIssue<unknown>>) {
      if (dataset.value === false) return { typed: true as const, value: false as const };
      if (dataset.value === true) dataset.value = {};
      if (isObject(dataset.value)) return of['~run'](dataset, config);
      v._addIssue(either, 'type', dataset, config);
      return dataset;
    },
  });
}

/** Lets one place, such as a host, have switches of its own in the place of those of the section named `of`. */
export function overrides<const S extends Switch>(of: string, switches: Readonly<Record<string, S>>, doc: string) {
  const entries = Object.fromEntries(Object.entries(switches).map(([name, node]) => [name, v.optional(node)]));
  const object = strictly(v.object(entries, 'an object'), Object.keys(switches));
  return Object.assign(object, { node: 'overrides' as const, of, switches, doc });
}

/**
 * Makes an object schema of valibot refuse arrays, report every unknown key rather than drop it, and take what is
 * absent from `absent`. Without `names` every key is known.
 */
export function strictly<const S extends Kind & { readonly message: string }>(
  schema: S,
  names?: readonly string[],
  absent: Readonly<Record<string, unknown>> = {},
): S {
  const run = schema['~run'].bind(schema);
  const quotedNames = names?.map((name) => `"${name}"`).join(' | ');
  const expected = names === undefined || names.length > MAX_NAMES_TOLD ? 'a known name' : `one of ${names.join(', ')}`;
  return Object.assign(schema, {
    '~run'(dataset: v.UnknownDataset, config: v.Config<v.BaseIssue<unknown>>) {
      const input = dataset.value;
      if (!isObject(input)) {
        v._addIssue(schema, 'type', dataset, config);
        return dataset;
      }
      const filled: Record<string, unknown> = { ...absent, ...input };
      dataset.value = filled;
      const parsed = run(dataset, config);
      for (const key of Object.keys(input)) {
        if (names === undefined || names.includes(key)) continue;
        v._addIssue(schema, 'key', parsed, config, {
          input: key,
          expected: quotedNames,
          message: expected,
          path: [{ type: 'object', origin: 'key', input: filled, key, value: undefined }],
        });
      }
      return parsed;
    },
  });
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
