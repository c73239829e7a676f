// The program as a process of its own, without the preparations of bin/parley.mjs.
import { main } from '../../src/main.ts';

const { stdin, stdout, stderr, env } = process;
const cwd = process.cwd();
process.exitCode = await main(process.argv.slice(2), {
  stdin,
  stdout,
  stderr,
  env,
  cwd,
  version: '1.2.3',
  program: 'parley',
});
