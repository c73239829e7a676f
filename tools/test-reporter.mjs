// Prints tests as people want them: failures as they happen, then a line for each file, the reasons and the sum.
import { relative } from 'node:path';
import { inspect } from 'node:util';

/** Node reports a whole file as a test of that name; only those within it count, unless the file itself failed. */
function isFile({ name, file }) {
  return file !== undefined && (name === file || file.endsWith(name));
}

function failureText({ name, file, details }) {
  const { error } = details;
  // What the test threw is wrapped by the runner.
  const cause = error?.cause ?? error;
  const reason = cause instanceof Error ? inspect(cause) : String(cause);
  return `✖ ${relative(process.cwd(), file ?? '')}: ${name}\n${reason.replace(/^/gm, '    ')}\n`;
}

// biome-ignore lint/style/noDefaultExport: node:test takes the default export of a reporter.
export default async function* report(source) {
  const started = performance.now();
  const files = new Map();
  const failures = [];
  const sums = { passed: 0, failed: 0, skipped: 0 };
  for await (const { type, data } of source) {
    if (type === 'test:stdout' || type === 'test:stderr') yield data.message;
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    if (data.details?.type === 'suite') continue;
    if (isFile(data) && type === 'test:pass') continue;
    // A test whose subtest failed fails with it: the subtest says why.
    const isEcho = data.details?.error?.failureType === 'subtestsFailed';
    if (isEcho) continue;
    const path = relative(process.cwd(), data.file ?? data.name);
    const counts = files.get(path) ?? { passed: 0, failed: 0, skipped: 0, ms: 0 };
    files.set(path, counts);
    const outcome =
      data.skip !== undefined || data.todo !== undefined ? 'skipped' : type === 'test:pass' ? 'passed' : 'failed';
    counts[outcome]++;
    sums[outcome]++;
    if (data.nesting === 0) counts.ms += data.details?.duration_ms ?? 0;
    if (outcome !== 'failed') continue;
    failures.push(failureText(data));
    yield `✖ ${path}: ${data.name}\n`;
  }
  for (const [path, { passed, failed, skipped, ms }] of [...files].sort()) {
    const parts = [`${passed} passed`];
    if (failed > 0) parts.push(`${failed} failed`);
    if (skipped > 0) parts.push(`${skipped} skipped`);
    yield `${failed > 0 ? '✖' : '✔'} ${path}: ${parts.join(', ')} (${(ms / 1000).toFixed(1)} s)\n`;
  }
  if (failures.length > 0) yield `\n${failures.length} failed:\n\n${failures.join('\n')}`;
  const { passed, failed, skipped } = sums;
  const total = `${passed} passed, ${failed} failed, ${skipped} skipped`;
  yield `\n${files.size} files: ${total}, in ${((performance.now() - started) / 1000).toFixed(1)} s\n`;
}
