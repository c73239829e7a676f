import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import type { HttpRequest, HttpResponse } from '../../http/message.ts';

/** A file of the page, as the build made it. */
interface Asset {
  readonly bytes: Buffer;
  readonly etag: string;
}

const TYPES = { js: 'text/javascript; charset=utf-8', css: 'text/css; charset=utf-8' } as const;
export type AssetKind = keyof typeof TYPES;

/** The script and the style of the page, which the build bundles: read when first asked for, and kept. */
export class Assets {
  readonly #read = new Map<AssetKind, Asset>();

  /** Whether the page has been built. */
  get areThere(): boolean {
    return this.#find('js') !== undefined && this.#find('css') !== undefined;
  }

  /** Answers a request for one of them; browsers ask each time whether theirs is still good. RFC 9110 §13.1.2. */
  answer(kind: AssetKind, { headers }: Pick<HttpRequest, 'headers'>): HttpResponse {
    const asset = this.#find(kind);
    if (asset === undefined) return { status: 404 };
    const common = { 'cache-control': 'no-cache', etag: asset.etag };
    const known = (headers['if-none-match'] ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
    if (known.includes(asset.etag)) return { status: 304, headers: common };
    return { status: 200, headers: { ...common, 'content-type': TYPES[kind] }, body: asset.bytes };
  }

  #find(kind: AssetKind): Asset | undefined {
    const known = this.#read.get(kind);
    if (known !== undefined) return known;
    const file = fileOf(kind);
    if (file === undefined) return undefined;
    const bytes = readFileSync(file);
    const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
    const asset = { bytes, etag };
    this.#read.set(kind, asset);
    return asset;
  }
}

/** Below the root of the package, which is above `src` here and above `dist/src` once compiled. */
function fileOf(kind: AssetKind): URL | undefined {
  const places = ['../../../dist/web/dashboard/', '../../../web/dashboard/'];
  return places.map((place) => new URL(`${place}page.${kind}`, import.meta.url)).find((file) => existsSync(file));
}
