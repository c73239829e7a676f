import { readdir, readFile } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { isJsonObject } from '../../../oauth/jws.ts';
import { parseMarkup, parseText, type Template } from './template.ts';
import { isTextName, LANGUAGES, TEXT_PLACES, TEXTS, type TextName, type Texts } from './texts.ts';

/** The pages, each of which an operator can put into markup of their own. */
export const PAGE_NAMES = ['login', 'second', 'consent', 'device', 'code', 'granted', 'denied', 'error'] as const;
export type PageName = (typeof PAGE_NAMES)[number];

/** How the pages of one host look and what they say. */
export interface Templates {
  /** The one for all others first; two-letter codes in lower case. */
  readonly languages: readonly [string, ...string[]];
  /** The texts of one of the languages. */
  readonly texts: (language: string) => Texts;
  readonly header: Template | undefined;
  readonly footer: Template | undefined;
  /** What stands around the content of a page. */
  readonly frames: Readonly<Partial<Record<PageName, Template>>>;
  /** What follows the built-in style. */
  readonly style: string;
  /** Files to be served as they are, by name. */
  readonly assets: ReadonlyMap<string, Asset>;
}

/** A file for the pages. */
export interface Asset {
  readonly type: string;
  readonly bytes: Uint8Array;
}

/** What can stand in markup of operators. */
export const MARKUP_PLACES: readonly string[] = ['siteName', 'domain', 'lang'];

const ASSETS = 'assets';
const ASSET_TYPES: Readonly<Record<string, string>> = {
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.svg': 'image/svg+xml',
  '.webp': 'image/webp',
  '.woff2': 'font/woff2',
};
const MAX_BYTES = 1_048_576;
const MAX_ASSETS = 50;
const TEXTS_FILE = /^texts\.([a-z]{2})\.json$/;

/** The pages as they are built in. */
export const BUILT_IN: Templates = {
  languages: LANGUAGES,
  texts: textsIn({}),
  header: undefined,
  footer: undefined,
  frames: {},
  style: '',
  assets: new Map(),
};

/** Reads the directory of an operator. Rejects with TypeError, which says what is wrong with which file. */
export async function readTemplates(directory: string): Promise<Templates> {
  const names = (await listed(directory)).filter((name) => !name.startsWith('.'));
  const unknown = names.find((name) => !isKnown(name));
  if (unknown !== undefined) throw wrong(directory, unknown, `is none of the files that can be replaced`);
  const text = (name: string): Promise<string | undefined> => optionalText(directory, name, names);
  const markup = async (name: string, places: readonly string[]): Promise<Template | undefined> => {
    const source = await text(name);
    return source === undefined ? undefined : checkedMarkup(directory, name, source, places);
  };
  const frames: Partial<Record<PageName, Template>> = {};
  for (const page of PAGE_NAMES) {
    const frame = await markup(`${page}.html`, [...MARKUP_PLACES, 'content']);
    if (frame === undefined) continue;
    const contents = frame.places.filter((place) => place === 'content').length;
    if (contents !== 1) throw wrong(directory, `${page}.html`, 'must have {{content}} once');
    frames[page] = frame;
  }
  const replaced = await replacedTexts(directory, names);
  return {
    languages: [LANGUAGES[0], ...new Set([...LANGUAGES.slice(1), ...Object.keys(replaced)].filter(isNotFirst))],
    texts: textsIn(replaced),
    header: await markup('header.html', MARKUP_PLACES),
    footer: await markup('footer.html', MARKUP_PLACES),
    frames,
    style: (await text('style.css')) ?? '',
    assets: names.includes(ASSETS) ? await readAssets(join(directory, ASSETS)) : new Map(),
  };
}

type SomeTexts = Readonly<Partial<Record<TextName, string>>>;

function textsIn(replaced: Readonly<Record<string, SomeTexts | undefined>>): Templates['texts'] {
  const builtIn: Readonly<Record<string, Texts | undefined>> = TEXTS;
  const all = new Map<string, Texts>();
  for (const language of new Set([...LANGUAGES, ...Object.keys(replaced)])) {
    all.set(language, { ...TEXTS.en, ...builtIn[language], ...replaced[language] });
  }
  return (language) => all.get(language) ?? TEXTS.en;
}

async function replacedTexts(directory: string, names: readonly string[]): Promise<Record<string, SomeTexts>> {
  const all: Record<string, SomeTexts> = {};
  for (const name of names) {
    const language = TEXTS_FILE.exec(name)?.[1];
    if (language !== undefined) all[language] = checkedTexts(directory, name, (await readText(directory, name)) ?? '');
  }
  return all;
}

function checkedTexts(directory: string, file: string, source: string): SomeTexts {
  const texts: Partial<Record<TextName, string>> = {};
  for (const [name, text] of Object.entries(parseJson(directory, file, source))) {
    if (!isTextName(name)) throw wrong(directory, file, `there is no text "${name}"`);
    if (typeof text !== 'string') throw wrong(directory, file, `"${name}" is not a string`);
    const place = parseText(text).places.find((one) => !TEXT_PLACES.some((known) => known === one));
    if (place !== undefined) throw wrong(directory, file, `"${name}": there is no {${place}}`);
    texts[name] = text;
  }
  return texts;
}

function parseJson(directory: string, file: string, source: string): Readonly<Record<string, unknown>> {
  try {
    const json: unknown = JSON.parse(source);
    if (isJsonObject(json)) return json;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw wrong(directory, file, 'is not a JSON object');
}

function checkedMarkup(directory: string, file: string, source: string, places: readonly string[]): Template {
  const template = parseMarkup(source);
  const unknown = template.places.find((place) => !places.includes(place));
  if (unknown === undefined) return template;
  throw wrong(directory, file, `there is no {{${unknown}}}, only ${places.map((place) => `{{${place}}}`).join(', ')}`);
}

async function readAssets(directory: string): Promise<ReadonlyMap<string, Asset>> {
  const assets = new Map<string, Asset>();
  for (const name of await listed(directory)) {
    if (name.startsWith('.')) continue;
    const type = ASSET_TYPES[extname(name)];
    if (type === undefined || !/^[\w.-]+$/.test(name)) {
      throw wrong(
        directory,
        name,
        `is not named like a file that can be served: ${Object.keys(ASSET_TYPES).join(', ')}`,
      );
    }
    if (assets.size === MAX_ASSETS) throw wrong(directory, name, `is one file more than ${MAX_ASSETS}`);
    assets.set(name, { type, bytes: await readBytes(directory, name) });
  }
  return assets;
}

async function listed(directory: string): Promise<readonly string[]> {
  try {
    return (await readdir(directory)).sort();
  } catch (error) {
    throw wrong(directory, '', `cannot be read: ${reasonOf(error)}`);
  }
}

async function optionalText(directory: string, name: string, names: readonly string[]): Promise<string | undefined> {
  return names.includes(name) ? readText(directory, name) : undefined;
}

async function readText(directory: string, name: string): Promise<string> {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(await readBytes(directory, name));
  } catch (error) {
    if (error instanceof TypeError && 'code' in error) throw wrong(directory, name, 'is not UTF-8');
    throw error;
  }
}

async function readBytes(directory: string, name: string): Promise<Uint8Array> {
  const bytes = await readFile(join(directory, name)).catch((error: unknown) => {
    throw wrong(directory, name, `cannot be read: ${reasonOf(error)}`);
  });
  if (bytes.length > MAX_BYTES) throw wrong(directory, name, `is larger than ${MAX_BYTES} bytes`);
  return bytes;
}

function isKnown(name: string): boolean {
  const known = ['header.html', 'footer.html', 'style.css', ASSETS, ...PAGE_NAMES.map((page) => `${page}.html`)];
  return known.includes(name) || TEXTS_FILE.test(name);
}

function isNotFirst(language: string): boolean {
  return language !== LANGUAGES[0];
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function wrong(directory: string, file: string, why: string): TypeError {
  return new TypeError(`templates: ${file === '' ? directory : join(directory, file)} ${why}`);
}
