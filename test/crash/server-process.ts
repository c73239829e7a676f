import { main } from '../../src/main.ts';

/* The program as the package's bin starts it, without the preparations of a clone. */
const { stdin, stdout, stderr, env } = process;
process.exitCode = await main(process.argv.slice(2), {
  stdin,
  stdout,
  stderr,
  env,
  cwd: process.cwd(),
  version: '0.0.0',
  program: 'parley',
});
