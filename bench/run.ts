// The project's own benchmark: `npm run bench [-- name…]`; `-- --save` makes a whole run the baseline. See README.md.
// Figures depend on the machine and on what else it does, so none of them ever fails the run.

import { parseArgs } from 'node:util';
import { activeUsers } from './active-users.ts';
import { archive } from './archive.ts';
import { readBaseline, writeBaseline } from './baseline.ts';
import { bearerTokens } from './bearer-tokens.ts';
import { endToEnd } from './end-to-end.ts';
import { fastLogin } from './fast-login.ts';
import { jid } from './jid.ts';
import { memory } from './memory.ts';
import { oauth } from './oauth.ts';
import { parser } from './parser.ts';
import { headline, table } from './report.ts';
import { roster } from './roster.ts';
import { router } from './router.ts';
import { type Result, runBench } from './runner.ts';
import { sasl } from './sasl.ts';
import { sm } from './sm.ts';
import { store } from './store.ts';

const BENCHES = [
  parser,
  jid,
  sasl,
  store,
  router,
  endToEnd,
  sm,
  archive,
  fastLogin,
  roster,
  oauth,
  bearerTokens,
  activeUsers,
  memory,
];

async function run(names: readonly string[], isSaved: boolean): Promise<void> {
  const baseline = readBaseline();
  const results = new Map<string, Result>();
  console.log(headline(baseline));
  for (const bench of BENCHES) {
    if (names.length > 0 && !names.includes(bench.name)) continue;
    const result = await runBench(bench);
    results.set(bench.name, result);
    console.log(table(bench.name, result, baseline));
  }
  if (isSaved) writeBaseline(results);
}

const { values, positionals } = parseArgs({ allowPositionals: true, options: { save: { type: 'boolean' } } });
const known = BENCHES.map(({ name }) => name);
const unknown = positionals.find((name) => !known.includes(name));
if (unknown !== undefined) {
  console.error(`there is no bench ${unknown}: ${known.join(', ')}`);
  process.exitCode = 2;
} else if (values.save === true && positionals.length > 0) {
  console.error('--save is for a whole run: a baseline is of one machine at one time');
  process.exitCode = 2;
} else {
  await run(positionals, values.save === true);
}
