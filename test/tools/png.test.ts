import assert from 'node:assert/strict';
import { test } from 'node:test';
import { crc32, deflateSync, inflateSync } from 'node:zlib';
import { withPalette } from '../../tools/png.ts';

function chunk(type: string, data: Buffer): Buffer {
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  const body = Buffer.concat([Buffer.from(type), data]);
  length.writeUInt32BE(data.length);
  sum.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, sum]);
}

/** A PNG of RGB, by lines that begin with their filter. */
function png(width: number, lines: readonly (readonly number[])[]): Buffer {
  const header = Buffer.from([0, 0, 0, width, 0, 0, 0, lines.length, 8, 2, 0, 0, 0]);
  const data = deflateSync(Buffer.from(lines.flat()));
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  return Buffer.concat([signature, chunk('IHDR', header), chunk('IDAT', data), chunk('IEND', Buffer.alloc(0))]);
}

function partOf(image: Buffer, type: string): Buffer {
  const at = image.indexOf(type, 0, 'latin1');
  return image.subarray(at + 4, at + 4 + image.readUInt32BE(at - 4));
}

test('a picture keeps its colors, whatever filters its lines have', () => {
  const [a, b] = [
    [10, 20, 30],
    [40, 60, 90],
  ];
  assert.ok(a && b);
  // Each line is a, b: as it is, by the pixel on the left, by that above, by both, and by Paeth.
  const left = [30, 40, 60];
  const image = png(2, [
    [0, ...a, ...b],
    [1, ...a, ...left],
    [2, 0, 0, 0, 0, 0, 0],
    [3, 5, 10, 15, 15, 20, 30],
    [4, 0, 0, 0, 0, 0, 0],
  ]);
  const small = withPalette(image);
  assert.deepEqual([...partOf(small, 'PLTE')], [...a, ...b]);
  assert.deepEqual([...inflateSync(partOf(small, 'IDAT'))], Array.from({ length: 5 }, () => [0, 0, 1]).flat());
  assert.equal(partOf(small, 'IHDR')[9], 3);
});

test('more than 256 colors become fewer', () => {
  const shades = Array.from({ length: 200 }, (_, i) => [i, 255 - i, i]).flat();
  const others = Array.from({ length: 200 }, (_, i) => [255 - i, i, 0]).flat();
  const palette = partOf(
    withPalette(
      png(200, [
        [0, ...shades],
        [0, ...others],
      ]),
    ),
    'PLTE',
  );
  assert.ok(palette.length <= 3 * 256 && palette.length > 3 * 64);
});
