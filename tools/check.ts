// Checks the rules of docs/architecture.md that the compiler cannot: run with `npm run check`. Each finding is one line,
// and any finding fails the run.

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';

const ROOT = join(import.meta.dirname, '..');
const SRC = join(ROOT, 'src');
/** Programs of their own, which run in browsers. */
const WEB = join(ROOT, 'web');
const MAX_LINES = 400;

/** Folders and files of src by layer, the lowest first: imports only go down, or sideways within a layer. */
const LAYERS: readonly (readonly string[])[] = [
  ['util', 'xml', 'precis', 'errors', 'jid', 'stanza'],
  ['config', 'log', 'metrics', 'tls', 'net'],
  ['stream', 'store', 'http'],
  ['sasl', 'cluster', 'oauth', 'second-factor'],
  ['core'],
  ['c2s', 's2s', 'component'],
  ['features', 'admin'],
  ['server', 'main'],
];

/** Who may use what the rules keep in few hands: a pattern of source text and the folders that may contain it. */
const RESERVED: readonly { readonly what: string; readonly pattern: RegExp; readonly rooms: readonly string[] }[] = [
  { what: 'the clock', pattern: /\bDate\.now\(|\bnew Date\(\)|\bperformance\.now\(/, rooms: ['util'] },
  { what: 'a timer', pattern: /\bset(?:Timeout|Interval|Immediate)\(/, rooms: ['util'] },
  { what: 'chance', pattern: /\bMath\.random\(|\brandomUUID\(/, rooms: ['util'] },
  { what: 'unguessable bytes', pattern: /\brandomBytes\(/, rooms: ['util', 'sasl'] },
  {
    what: 'a socket',
    pattern: /\bcreateServer\(|\bcreateConnection\(|\bnet\.connect\(|\btls\.connect\(/,
    rooms: ['stream', 'http', 'net', 'tls', 'c2s', 'admin', 'server'],
  },
  {
    what: 'the namespace of an extension',
    pattern: /'(?:urn:xmpp:|jabber:(?:iq|x):|http:\/\/jabber\.org\/protocol\/|vcard-temp)/,
    rooms: ['features', 'c2s', 'sasl', 'http', 'oauth', 'component', 's2s'],
  },
];

interface Source {
  /** Relative to src, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly imports: readonly string[];
}

const IMPORT = /(?:^|\n)\s*(?:import|export)\b[^;'"]*?from\s*['"]([^'"]+)['"]|\bimport\(\s*['"]([^'"]+)['"]\s*\)/g;
const COMMENT = /\/\*[\s\S]*?\*\/|(^|\s)\/\/[^\n]*/g;

function readSources(root: string): Map<string, Source> {
  const sources = new Map<string, Source>();
  for (const entry of readdirSync(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.ts') || entry.name.endsWith('.d.ts')) continue;
    const file = join(entry.parentPath, entry.name);
    const path = relative(root, file).split(sep).join('/');
    const text = readFileSync(file, 'utf8');
    const imports = [...text.matchAll(IMPORT)].map((match) => match[1] ?? match[2] ?? '');
    sources.set(path, { path, text, imports });
  }
  return sources;
}

function resolveImport(from: string, specifier: string): string | undefined {
  return specifier.startsWith('.') ? join(dirname(from), specifier).split(sep).join('/') : undefined;
}

/** The folder, or for a file at the top its name, that a path belongs to. */
function roomOf(path: string): string {
  return path.includes('/') ? (path.split('/')[0] ?? '') : path.replace(/\.ts$/, '');
}

function layerOf(path: string): number {
  return LAYERS.findIndex((rooms) => rooms.includes(roomOf(path)));
}

function checkLayers(sources: ReadonlyMap<string, Source>): string[] {
  const findings: string[] = [];
  for (const { path, imports } of sources.values()) {
    if (layerOf(path) < 0) findings.push(`${path}: ${roomOf(path)} is in no layer`);
    for (const specifier of imports) {
      const target = resolveImport(path, specifier);
      if (target === undefined) continue;
      if (!sources.has(target)) findings.push(`${path}: imports ${target}, which is not there`);
      if (layerOf(target) > layerOf(path)) findings.push(`${path}: imports ${target} from a layer above`);
    }
  }
  return findings;
}

function checkCycles(sources: ReadonlyMap<string, Source>): string[] {
  const findings: string[] = [];
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): void => {
    const start = trail.indexOf(path);
    if (start >= 0) return void findings.push(`cycle: ${[...trail.slice(start), path].join(' -> ')}`);
    if (done.has(path)) return;
    for (const specifier of sources.get(path)?.imports ?? []) {
      const target = resolveImport(path, specifier);
      if (target !== undefined && sources.has(target)) visit(target, [...trail, path]);
    }
    done.add(path);
  };
  for (const path of sources.keys()) visit(path, []);
  return findings;
}

/** A feature knows of others only what their `api.ts` says. */
function checkFeatures(sources: ReadonlyMap<string, Source>): string[] {
  const findings: string[] = [];
  const featureOf = (path: string): string | undefined => /^features\/([^/]+?)(?:\.ts)?(?:\/|$)/.exec(path)?.[1];
  for (const { path, imports } of sources.values()) {
    for (const specifier of imports) {
      const target = resolveImport(path, specifier);
      const feature = target === undefined ? undefined : featureOf(target);
      if (target === undefined || feature === undefined || feature === 'shared' || feature === featureOf(path))
        continue;
      const isAllowed = target.endsWith('/api.ts') || path === 'features/registry.ts' || feature === 'registry';
      if (!isAllowed) findings.push(`${path}: imports ${target}; other features are known by their api.ts`);
    }
    if (path !== 'server.ts' && path !== 'main.ts' && imports.some((i) => i.endsWith('features/registry.ts'))) {
      findings.push(`${path}: only server.ts and main.ts know the registry`);
    }
  }
  return findings;
}

/** Each package is imported by one folder, so that it can be replaced there. */
function checkPackages(sources: ReadonlyMap<string, Source>): string[] {
  const users = new Map<string, Set<string>>();
  for (const { path, imports } of sources.values()) {
    for (const specifier of imports) {
      if (specifier.startsWith('.') || specifier.startsWith('node:')) continue;
      users.set(specifier, (users.get(specifier) ?? new Set()).add(roomOf(path)));
    }
  }
  return [...users]
    .filter(([, rooms]) => rooms.size > 1)
    .map(([name, rooms]) => `the package ${name} is imported by ${[...rooms].join(' and ')}; one is allowed`);
}

function checkText(sources: ReadonlyMap<string, Source>): string[] {
  const findings: string[] = [];
  for (const { path, text } of sources.values()) {
    const lines = text.split('\n').length - 1;
    if (lines > MAX_LINES) findings.push(`${path}: ${lines} lines; at most ${MAX_LINES}`);
    if (/\b(?:TODO|FIXME|XXX)\b(?! #\d)/.test(text)) findings.push(`${path}: a TODO without an issue number`);
    const code = text.replace(COMMENT, ' ');
    for (const { what, pattern, rooms } of RESERVED) {
      if (pattern.test(code) && !rooms.includes(roomOf(path))) findings.push(`${path}: uses ${what} outside ${rooms}`);
    }
  }
  return findings;
}

/** What runs in browsers knows of the server only how the two talk: a `wire.ts`, which imports nothing. */
function checkPages(pages: ReadonlyMap<string, Source>): string[] {
  const findings: string[] = [];
  for (const { path, text, imports } of pages.values()) {
    const lines = text.split('\n').length - 1;
    if (lines > MAX_LINES) findings.push(`web/${path}: ${lines} lines; at most ${MAX_LINES}`);
    for (const specifier of imports) {
      const target = resolveImport(`web/${path}`, specifier);
      if (target === undefined || target.startsWith('web/')) continue;
      const isWire = /^src\/features\/[^/]+\/wire\.ts$/.test(target);
      const needs = sources.get(target.replace('src/', ''))?.imports ?? [];
      if (!isWire || needs.length > 0) findings.push(`web/${path}: imports ${target}; of the server only a wire.ts`);
    }
  }
  return findings;
}

/** The server knows nothing of browsers, and has no use for what their programs are made of. */
function checkServer(): string[] {
  const findings: string[] = [];
  for (const { path, imports } of sources.values()) {
    for (const specifier of imports) {
      const isPage = resolveImport(`src/${path}`, specifier)?.startsWith('web/') ?? specifier === 'uplot';
      if (isPage) findings.push(`${path}: imports ${specifier}, which is for browsers`);
    }
  }
  return findings;
}

const sources = readSources(SRC);
const pages = readSources(WEB);
const findings = [checkLayers, checkCycles, checkFeatures, checkPackages, checkText].flatMap((run) => run(sources));
findings.push(...checkPages(pages), ...checkServer());
for (const finding of findings) console.log(finding);
console.log(`${sources.size + pages.size} files checked, ${findings.length} findings`);
process.exitCode = findings.length === 0 ? 0 : 1;
