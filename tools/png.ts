import { crc32, deflateSync, inflateSync } from 'node:zlib';

const SIGNATURE = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
const PALETTE_COLOR = 3;
const MAX_COLORS = 256;

/** An image of 8 bits per channel; the alpha channel is left out. */
interface Picture {
  readonly width: number;
  readonly height: number;
  /** Red, green and blue of each pixel. */
  readonly rgb: Uint8Array;
}

/** Makes a PNG of 8-bit RGB or RGBA smaller: with at most 256 colors, those that differ least made one. PNG §11.2, §11.3. */
export function withPalette(png: Buffer): Buffer {
  const { width, height, rgb } = decode(png);
  for (let lostBits = 0; ; lostBits++) {
    const indexed = index(rgb, lostBits);
    if (indexed === undefined) continue;
    const lines = Buffer.alloc((width + 1) * height);
    for (let y = 0; y < height; y++)
      lines.set(indexed.pixels.subarray(y * width, (y + 1) * width), y * (width + 1) + 1);
    const header = Buffer.alloc(13);
    header.writeUInt32BE(width, 0);
    header.writeUInt32BE(height, 4);
    header.set([8, PALETTE_COLOR, 0, 0, 0], 8);
    return Buffer.concat([
      SIGNATURE,
      chunk('IHDR', header),
      chunk('PLTE', indexed.palette),
      chunk('IDAT', deflateSync(lines, { level: 9, memLevel: 9 })),
      chunk('IEND', Buffer.alloc(0)),
    ]);
  }
}

/** The pixels as places in a palette, their lowest bits ignored; undefined if there are too many colors all the same. */
function index(
  rgb: Uint8Array,
  lostBits: number,
): { readonly palette: Buffer; readonly pixels: Uint8Array } | undefined {
  const places = new Map<number, number>();
  const palette: number[] = [];
  const pixels = new Uint8Array(rgb.length / 3);
  for (let i = 0; i < pixels.length; i++) {
    const [r = 0, g = 0, b = 0] = rgb.subarray(3 * i, 3 * i + 3);
    const key = ((r >> lostBits) << 16) | ((g >> lostBits) << 8) | (b >> lostBits);
    let place = places.get(key);
    if (place === undefined) {
      if (places.size === MAX_COLORS) return undefined;
      place = places.size;
      places.set(key, place);
      palette.push(r, g, b);
    }
    pixels[i] = place;
  }
  return { palette: Buffer.from(palette), pixels };
}

function decode(png: Buffer): Picture {
  const parts: Buffer[] = [];
  let [width, height, channels] = [0, 0, 0];
  for (let at = SIGNATURE.length; at < png.length; ) {
    const length = png.readUInt32BE(at);
    const type = png.toString('latin1', at + 4, at + 8);
    const data = png.subarray(at + 8, at + 8 + length);
    if (type === 'IHDR') {
      width = data.readUInt32BE(0);
      height = data.readUInt32BE(4);
      channels = data[9] === 6 ? 4 : 3;
    }
    if (type === 'IDAT') parts.push(data);
    at += length + 12;
  }
  const pixels = unfilter(inflateSync(Buffer.concat(parts)), width * channels, channels);
  const rgb = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) rgb.set(pixels.subarray(i * channels, i * channels + 3), i * 3);
  return { width, height, rgb };
}

// PNG §9.2
function unfilter(lines: Buffer, stride: number, channels: number): Uint8Array {
  const height = lines.length / (stride + 1);
  const out = new Uint8Array(stride * height);
  for (let y = 0; y < height; y++) {
    const filter = lines[y * (stride + 1)] ?? 0;
    for (let x = 0; x < stride; x++) {
      const at = y * stride + x;
      const left = x < channels ? 0 : (out[at - channels] ?? 0);
      const above = y === 0 ? 0 : (out[at - stride] ?? 0);
      const corner = x < channels || y === 0 ? 0 : (out[at - stride - channels] ?? 0);
      out[at] = (lines[y * (stride + 1) + 1 + x] ?? 0) + predicted(filter, left, above, corner);
    }
  }
  return out;
}

function predicted(filter: number, left: number, above: number, corner: number): number {
  if (filter === 1) return left;
  if (filter === 2) return above;
  if (filter === 3) return (left + above) >> 1;
  if (filter !== 4) return 0;
  const estimate = left + above - corner;
  const [a, b, c] = [Math.abs(estimate - left), Math.abs(estimate - above), Math.abs(estimate - corner)];
  if (a <= b && a <= c) return left;
  return b <= c ? above : corner;
}

function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}
