import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { createLogger, LOG_LEVELS, type LogFields, type LogLevel, memoryLogger } from '../../src/log/log.ts';

function capture(format: 'pretty' | 'json', level: LogLevel = 'trace') {
  const lines: string[] = [];
  const log = createLogger({ level, format, destination: { write: (line) => lines.push(line) } });
  return { log, lines, objects: () => lines.map((line): Record<string, unknown> => JSON.parse(line)) };
}

test('a line has its time, level, event and fields', () => {
  const { log, lines, objects } = capture('json');
  log.info('session.bound', { conn: 7, jid: 'romeo@example.org/orchard', secure: true, host: undefined, node: null });
  const { time, ...rest } = objects()[0] ?? {};
  assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.deepEqual(rest, {
    level: 'info',
    event: 'session.bound',
    conn: 7,
    jid: 'romeo@example.org/orchard',
    secure: true,
    node: null,
  });
  assert.equal(lines[0]?.indexOf('\n'), (lines[0]?.length ?? 0) - 1);
});

test('only lines of the level and above are written', () => {
  for (const [index, level] of LOG_LEVELS.entries()) {
    const { log, objects } = capture('json', level);
    for (const method of ['trace', 'debug', 'info', 'warn', 'error'] as const) {
      log[method]('some.event');
      assert.equal(log.isEnabled(method), LOG_LEVELS.indexOf(method) >= index);
    }
    assert.deepEqual(
      objects().map((line) => line['level']),
      LOG_LEVELS.slice(index, -1),
    );
    assert.equal(log.isEnabled('silent'), false);
  }
});

test('a level set at run time holds for all descendants', () => {
  const { log, lines } = capture('json', 'info');
  const grandchild = log.child({ host: 'example.org' }).child({ conn: 1 });
  grandchild.debug('stream.opened');
  assert.equal(lines.length, 0);
  log.level = 'debug';
  assert.equal(grandchild.level, 'debug');
  grandchild.debug('stream.opened');
  assert.equal(lines.length, 1);
});

test('a child adds its fields to those of its ancestors', () => {
  const { log, objects } = capture('json');
  log.child({ host: 'example.org', conn: 1 }).child({ conn: 2 }).info('stream.opened', { via: 'tcp' });
  const { time: _, ...rest } = objects()[0] ?? {};
  assert.deepEqual(rest, { level: 'info', event: 'stream.opened', host: 'example.org', conn: 2, via: 'tcp' });
});

test('an error is logged with type, message, code, stack and causes, and nothing else it carries', () => {
  const { log, objects } = capture('json');
  const cause = Object.assign(new RangeError('inner'), { code: 'EINNER' });
  log.error('bug', {}, Object.assign(new TypeError('outer', { cause }), { payload: 'hunter2' }));
  const error = Object(objects()[0]?.['error']);
  assert.equal(error.type, 'TypeError');
  assert.equal(error.message, 'outer');
  assert.match(error.stack, /log\.test/);
  assert.equal(error.cause.code, 'EINNER');
  assert.ok(!('payload' in error));
});

test('whatever was thrown can be logged', () => {
  const { log, objects } = capture('json');
  const loop = new Error('loop');
  loop.cause = loop;
  for (const thrown of ['text', 3, null, { password: 'hunter2' }, Symbol('s'), loop]) log.error('bug', {}, thrown);
  assert.equal(objects().length, 6);
  assert.doesNotMatch(JSON.stringify(objects()), /hunter2/);
});

test('a long text is shortened, in fields and errors', () => {
  for (const format of ['json', 'pretty'] as const) {
    const { log, lines } = capture(format);
    log.warn('stream.error', { text: 'x'.repeat(100_000) });
    assert.ok((lines[0]?.length ?? 0) < 700);
    log.warn('stream.error', {}, new Error('y'.repeat(100_000)));
    assert.ok((lines[1]?.length ?? 0) < 10_000);
  }
});

test('a pretty line is one readable line', () => {
  const { log, lines } = capture('pretty');
  log.info('session.bound', { jid: 'romeo@example.org/the orchard', conn: 3, reason: '', text: 'say "hi"' });
  const written = 'info  session.bound jid="romeo@example.org/the orchard" conn=3 reason="" text="say \\"hi\\""\n';
  assert.match(lines[0] ?? '', /^\d\d:\d\d:\d\d /);
  assert.equal(lines[0]?.slice(9), written);
});

test('a pretty error shows its message on the line and its stack below, indented', () => {
  const { log, lines } = capture('pretty');
  log.error('bug', { feature: 'ping' }, new Error('broken\n12:00:00 info  forged', { cause: new Error('why') }));
  const [first, ...below] = (lines[0] ?? '').trimEnd().split('\n');
  assert.match(first ?? '', / error bug feature=ping error="Error: broken\\n12:00:00 info {2}forged"$/);
  assert.ok(below.length > 1);
  for (const line of below) assert.match(line, /^ {2}/);
  assert.ok(below.some((line) => line.startsWith('  caused by error="Error: why"')));
});

test('no field can forge a line, move the cursor or turn the direction of writing', () => {
  fc.assert(
    fc.property(
      fc.dictionary(
        fc.string().filter((name) => !['time', 'level', 'event', 'error', '__proto__'].includes(name)),
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.constantFrom('\n', '\r\n12:00:00', '\u001b[2J', '\u202e', '\u2028', '\ud800'),
        ),
        { maxKeys: 4 },
      ),
      (fields) => {
        const { log, lines } = capture('pretty');
        const logged: LogFields = fields;
        log.info('stream.opened', logged);
        assert.equal(lines.length, 1);
        assert.match(lines[0] ?? '', /^[^\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]*\n$/u);
      },
    ),
    { numRuns: 300 },
  );
});

test('the memory logger keeps records, those of children included', () => {
  const log = memoryLogger('info');
  const error = new Error('x');
  log.child({ conn: 1 }).warn('login.failed', { reason: 'not-authorized' }, error);
  log.debug('not.kept');
  assert.deepEqual(log.records, [
    { level: 'warn', event: 'login.failed', fields: { conn: 1, reason: 'not-authorized' }, error },
  ]);
});

test('objects and reserved names are no log fields', () => {
  const log = memoryLogger();
  // @ts-expect-error an object must not type-check
  log.info('some.event', { payload: {} });
  // @ts-expect-error the level is not a field
  log.info('some.event', { level: 'x' });
  assert.equal(log.records.length, 2);
});
