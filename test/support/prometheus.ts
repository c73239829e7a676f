import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';

/** Where Debian's package prometheus has it, and its tool. */
const PROMETHEUS = '/usr/bin/prometheus';
const PROMTOOL = '/usr/bin/promtool';
/** Debian's, for which the package python3-prometheus-client is installed; elsewhere whatever is there. */
const PYTHON = process.platform === 'linux' ? '/usr/bin/python3' : 'python3';
const IS_CI = process.env['CI'] !== undefined;

/** Why tests with Prometheus are skipped, if they are: it is not there, and nobody says that it must be (`CI`). */
export const noPrometheus: string | false =
  (existsSync(PROMETHEUS) && existsSync(PROMTOOL)) || IS_CI
    ? false
    : 'prometheus is not installed (Debian: prometheus)';

/** The same of the library whose reader of OpenMetrics is strict. */
export const noOpenMetricsReader: string | false =
  IS_CI || spawnSync(PYTHON, ['-c', 'import prometheus_client.openmetrics.parser']).status === 0
    ? false
    : 'prometheus_client is not installed (Debian: python3-prometheus-client)';

/** A value of a metric. */
export interface PromSample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

const READER = `
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
families = list(text_string_to_metric_families(sys.stdin.read()))
samples = [{"name": s.name, "labels": s.labels, "value": s.value} for family in families for s in family.samples]
print(json.dumps(samples, allow_nan=False))
`;

/** Reads OpenMetrics with the strict reader of Prometheus's library; fails the test where it does. */
export function readStrictly(text: string): PromSample[] {
  const { status, stdout, stderr, error } = spawnSync(PYTHON, ['-c', READER], { input: text, encoding: 'utf8' });
  assert.equal(error, undefined);
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout);
}

/** Runs promtool; fails the test where it finds something. */
export function promtool(...args: readonly string[]): string {
  const { status, stdout, stderr, error } = spawnSync(PROMTOOL, args, { encoding: 'utf8' });
  assert.equal(error, undefined);
  assert.equal(status, 0, `${stdout}${stderr}`);
  return stdout;
}

/** Prometheus itself, which scrapes one server every second and keeps what it reads in a folder of its own. */
export class Prometheus {
  readonly #process: ChildProcess;
  #url = '';

  private constructor(process: ChildProcess) {
    this.#process = process;
  }

  /** Starts it; the end of the test stops it. `target` is an address and port, `rules` the path of alert rules. */
  static async start(t: TestContext, target: string, rules: string): Promise<Prometheus> {
    const folder = await mkdtemp(join(tmpdir(), 'parley-prometheus-'));
    const config = join(folder, 'prometheus.yml');
    await writeFile(
      config,
      // JSON is YAML.
      JSON.stringify({
        global: { scrape_interval: '1s', evaluation_interval: '1s' },
        rule_files: [rules],
        scrape_configs: [{ job_name: 'parley', static_configs: [{ targets: [target] }] }],
      }),
    );
    const args = [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      '--web.listen-address=127.0.0.1:0',
    ];
    const child = spawn(PROMETHEUS, args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
    t.after(async () => {
      if (child.exitCode === null) {
        child.kill('SIGKILL');
        await once(child, 'close');
      }
      await rm(folder, { recursive: true, force: true });
    });
    const prometheus = new Prometheus(child);
    await prometheus.#listening();
    return prometheus;
  }

  /** The value of an expression that has exactly one; undefined while it has none. */
  async query(expression: string): Promise<number | undefined> {
    const { result } = await this.#ask(`query?query=${encodeURIComponent(expression)}`);
    assert.ok(Array.isArray(result) && result.length < 2, `${expression} has several values`);
    return result.length === 0 ? undefined : Number(result[0].value[1]);
  }

  /** What its alert rules say: their names, with how they are. */
  async alerts(): Promise<ReadonlyMap<string, string>> {
    const { groups } = await this.#ask('rules');
    const rules = groups.flatMap((group: { rules: { name: string; health: string }[] }) => group.rules);
    return new Map(rules.map(({ name, health }: { name: string; health: string }) => [name, health]));
  }

  async #ask(path: string) {
    const response = await fetch(`${this.#url}/api/v1/${path}`);
    const answer = JSON.parse(await response.text());
    assert.equal(answer.status, 'success', JSON.stringify(answer));
    return answer.data;
  }

  // It says in its log which port it was given, and when it is ready.
  async #listening(): Promise<void> {
    const { stderr } = this.#process;
    assert.ok(stderr);
    let said = '';
    for await (const line of createInterface(stderr)) {
      said += `${line}\n`;
      const address = /Listening on" address=(\S+)/.exec(line)?.[1];
      if (address !== undefined) this.#url = `http://${address}`;
      if (line.includes('Server is ready')) {
        stderr.resume();
        return;
      }
    }
    assert.fail(`prometheus did not start:\n${said}`);
  }
}
