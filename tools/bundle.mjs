// Bundles what runs in browsers: npm run build. Plain JavaScript, because it is part of making a clone ready; the compiler looks
// at the sources too, with the types of browsers: see web/tsconfig.json.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The oldest browsers that the pages are for: all of 2023. */
const TARGET = ['chrome110', 'firefox110', 'safari16.4'];

/** Bundles the pages of the clone at `root` into dist/web. Rejects when there is an error in them. */
export async function bundle(root) {
  // Not before it is needed: there may have been no packages when this file was loaded.
  const { build } = await import('esbuild');
  await build({
    absWorkingDir: root,
    entryPoints: ['web/dashboard/page.ts', 'web/dashboard/page.css'],
    outbase: '.',
    outdir: 'dist',
    bundle: true,
    minify: true,
    target: TARGET,
    format: 'iife',
    charset: 'utf8',
    legalComments: 'eof',
    logLevel: 'error',
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await bundle(join(import.meta.dirname, '..'));
