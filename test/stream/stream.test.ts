import assert from 'node:assert/strict';
import { test } from 'node:test';
import { STREAM_ERROR_CONDITIONS, StreamError } from '../../src/errors.ts';
import { memoryLogger } from '../../src/log/log.ts';
import { type DeadlineKind, type EndReason, Stream, type StreamOwner } from '../../src/stream/stream.ts';
import type { Awaitable } from '../../src/util/awaitable.ts';
import { type Element, firstElement, serialize } from '../../src/xml/element.ts';
import type { StreamHeader } from '../../src/xml/parser.ts';
import { assertXml } from '../support/compare.ts';
import { LoopbackTransport } from '../support/loopback.ts';
import { ManualClock, settle } from '../support/manual-clock.ts';

const HEADER =
  "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='stage.example' version='1.0'>";

/** Keeps what a stream tells it, and answers as the test wants. */
class Owner implements StreamOwner {
  readonly told: string[] = [];
  readonly stream: Stream;
  onHeader: (header: StreamHeader) => void = () => this.stream.open({ from: 'stage.example' });
  onElement: (element: Element) => Awaitable<void> = () => {};
  onExpired: (kind: DeadlineKind) => void = () => {};
  onClosing: () => void = () => {};

  constructor(stream: Stream) {
    this.stream = stream;
    stream.owner = this;
  }

  opened(header: StreamHeader): void {
    this.told.push(`opened ${header.attrs['to']}`);
    this.onHeader(header);
  }

  element(element: Element): Awaitable<void> {
    this.told.push(serialize(element));
    return this.onElement(element);
  }

  expired(kind: DeadlineKind): void {
    this.told.push(`expired ${kind}`);
    this.onExpired(kind);
  }

  closing({ kind }: EndReason): void {
    this.told.push(`closing ${kind}`);
    this.onClosing();
  }

  ended({ kind, error, cause }: EndReason): void {
    const why = cause instanceof Error ? cause.message : error?.condition;
    this.told.push(`ended ${kind}${why === undefined ? '' : ` ${why}`}`);
  }
}

function begin() {
  const clock = new ManualClock();
  const log = memoryLogger();
  const transport = new LoopbackTransport({
    clock,
    limits: { maxBytes: 1000, maxDepth: 8, maxAttributes: 8, maxChildren: 8 },
    secure: false,
    remoteAddress: '192.0.2.1',
  });
  const stream = new Stream(transport, { clock, log, closeMs: 500, headerMs: 100, from: 'default.example' });
  const owner = new Owner(stream);
  const sent = (): string[] => transport.received.splice(0).map((element) => describe(element));
  return { clock, log, transport, stream, owner, told: owner.told, sent };
}

function describe(element: Element): string {
  if (element.name === 'error') return `error ${firstElement(element)?.name}`;
  return element.name === 'header' ? `header from ${element.attrs['from']}` : serialize(element);
}

test('a stream opens, passes elements both ways and is closed by the peer', async () => {
  const { transport, stream, told, sent } = begin();
  assert.equal(stream.state, 'opening');
  assert.equal(stream.id, '');
  transport.write(`${HEADER}<presence/>`);
  assert.ok(stream.isOpen);
  assert.match(stream.id, /^[\w-]{20}$/);
  stream.sendFeatures('<bind xmlns="urn:b"/>');
  stream.send('<message/>');
  transport.write('</stream:stream>');
  assert.equal(stream.state, 'closing');
  await settle();
  assert.equal(stream.state, 'closed');
  assert.deepEqual(told, ['opened stage.example', '<presence/>', 'closing closed', 'ended closed']);
  assert.deepEqual(sent(), [
    'header from stage.example',
    '<features xmlns="http://etherx.jabber.org/streams"><bind xmlns="urn:b"/></features>',
    '<message/>',
  ]);
});

test('each header has an identifier of its own', () => {
  const { transport, stream } = begin();
  transport.write(HEADER);
  const first = stream.id;
  stream.restart();
  transport.write(HEADER);
  assert.notEqual(stream.id, first);
});

test('every condition is written as RFC 6120 §4.9.2 has it', () => {
  for (const condition of STREAM_ERROR_CONDITIONS) {
    const { transport, stream } = begin();
    transport.write(HEADER);
    transport.received.length = 0;
    const address = condition === 'see-other-host' ? 'other.example:5222' : undefined;
    const app = { name: 'escape-your-data', ns: 'urn:app' };
    stream.close(new StreamError(condition, { text: 'Why & how', app, ...(address && { address }) }));
    const [error] = transport.received;
    assert.ok(error);
    assertXml(
      error,
      `<error xmlns="http://etherx.jabber.org/streams">
         <${condition} xmlns="urn:ietf:params:xml:ns:xmpp-streams">${address ?? ''}</${condition}>
         <text xmlns="urn:ietf:params:xml:ns:xmpp-streams" xml:lang="en">Why &amp; how</text>
         <escape-your-data xmlns="urn:app"/></error>`,
    );
  }
});

test('an error before our header opens the stream first', async () => {
  for (const write of ['<?xml version="2.0"?>', 'GET / HTTP/1.1\r\n', '<!DOCTYPE x>']) {
    const { transport, told, sent } = begin();
    transport.write(write);
    await settle();
    const [header, error] = sent();
    assert.equal(header, 'header from default.example', write);
    assert.match(error ?? '', /^error (not-well-formed|restricted-xml|bad-format)$/);
    assert.equal(told.at(-1), `ended ${error}`);
  }
});

test('an error that the header causes comes after our header, once', async () => {
  const refusing = begin();
  refusing.owner.onHeader = () => {
    throw new StreamError('host-unknown');
  };
  refusing.transport.write(`${HEADER}<presence/>`);
  assert.deepEqual(refusing.sent(), ['header from default.example', 'error host-unknown']);
  const changing = begin();
  changing.owner.onHeader = () => {
    changing.stream.open({ from: 'stage.example' });
    throw new StreamError('invalid-from');
  };
  changing.transport.write(`${HEADER}<presence/>`);
  assert.deepEqual(changing.sent(), ['header from stage.example', 'error invalid-from']);
  await settle();
  assert.deepEqual(changing.told, ['opened stage.example', 'closing error', 'ended error invalid-from']);
});

test('an error between a restart and the new header opens the new stream first', () => {
  const { transport, stream, sent } = begin();
  transport.write(HEADER);
  stream.restart();
  sent();
  transport.write('<!-- hello -->');
  assert.deepEqual(sent(), ['header from default.example', 'error restricted-xml']);
});

test('what the owner throws ends the stream; only a StreamError is told the peer, the rest is a bug', async () => {
  const cases: [thrown: unknown, condition: string, bugs: number][] = [
    [new StreamError('policy-violation'), 'policy-violation', 0],
    [new TypeError('secret'), 'internal-server-error', 1],
    ['a string', 'internal-server-error', 1],
  ];
  for (const [thrown, condition, bugs] of cases) {
    for (const isAsync of [false, true]) {
      const { log, owner, transport, told, sent } = begin();
      owner.onElement = () => {
        if (isAsync) return Promise.reject(thrown);
        throw thrown;
      };
      transport.write(`${HEADER}<a xmlns='urn:a'/><b xmlns='urn:b'/>`);
      await settle();
      assert.deepEqual(sent().slice(1), [`error ${condition}`]);
      assert.equal(told.at(-1), `ended error ${condition}`);
      assert.ok(!told.some((what) => what.startsWith('<b')));
      assert.equal(log.records.filter((record) => record.event === 'stream.bug').length, bugs);
    }
  }
});

test('while an element is worked on nothing overtakes it, whatever arrives', async () => {
  const { owner, transport, told } = begin();
  const going: (() => void)[] = [];
  owner.onElement = () => new Promise((resolve) => going.push(resolve));
  transport.write(`${HEADER}<a xmlns='urn:x'/><b xmlns='urn:x'/>`);
  transport.write(`<c xmlns='urn:x'/></stream:stream>`);
  for (const name of ['a', 'b', 'c']) {
    await settle();
    assert.equal(told.at(-1), `<${name} xmlns="urn:x"/>`);
    going.shift()?.();
  }
  await settle();
  assert.deepEqual(told.slice(-2), ['closing closed', 'ended closed']);
});

test('what was begun is finished when the connection goes meanwhile, and nothing more is told', async () => {
  const { owner, transport, told } = begin();
  let go = (): void => {};
  owner.onElement = () =>
    new Promise((resolve) => {
      go = resolve;
    });
  transport.write(`${HEADER}<a xmlns='urn:x'/><b xmlns='urn:x'/>`);
  transport.break();
  assert.equal(told.at(-1), 'ended lost');
  go();
  await settle();
  assert.equal(told.at(-1), 'ended lost');
});

test('we close: the peer is asked to close too, and what it sends until then is ignored', async () => {
  const { transport, stream, told, sent } = begin();
  transport.write(HEADER);
  sent();
  stream.close();
  assert.ok(transport.isClosed);
  assert.ok(!transport.isGone);
  stream.close(new StreamError('conflict'));
  stream.send('<presence/>');
  transport.write('<presence/>');
  assert.deepEqual(sent(), []);
  transport.write('</stream:stream>');
  await settle();
  assert.deepEqual(told, ['opened stage.example', 'closing closed', 'ended closed']);
});

test('a peer that does not close its half is cut off', async () => {
  const { clock, transport, stream, told } = begin();
  transport.write(HEADER);
  stream.close();
  await clock.advance(499);
  stream.checkDeadline(clock.now());
  assert.ok(!transport.isGone);
  await clock.advance(1);
  stream.checkDeadline(clock.now());
  await settle();
  assert.equal(told.at(-1), 'ended closed');
});

test('a deadline is told once; another takes its place', async () => {
  const { clock, transport, stream, told } = begin();
  stream.checkDeadline(clock.now() + 99);
  assert.deepEqual(told, []);
  stream.checkDeadline(clock.now() + 100);
  stream.checkDeadline(clock.now() + 100);
  assert.deepEqual(told, ['expired header']);
  transport.write(HEADER);
  stream.expire('bind', 50);
  stream.expire('silence', 200);
  stream.checkDeadline(clock.now() + 199);
  stream.checkDeadline(clock.now() + 200);
  assert.deepEqual(told.slice(2), ['expired silence']);
});

test('a bug of the owner when time is up ends its stream only', async () => {
  const { clock, owner, stream, log, transport, told } = begin();
  transport.write(HEADER);
  owner.onExpired = () => {
    throw new Error('a bug');
  };
  stream.checkDeadline(clock.now() + 100);
  await settle();
  assert.equal(told.at(-1), 'ended error internal-server-error');
  assert.equal(log.records.filter((record) => record.event === 'stream.bug').length, 1);
});

test('a stream that is closing neither restarts nor lives longer', async () => {
  const { clock, owner, transport, stream, told } = begin();
  transport.write(HEADER);
  stream.close();
  stream.restart();
  stream.expire('bind', 10_000);
  assert.equal(stream.state, 'closing');
  owner.onHeader = () => assert.fail('opened again');
  await clock.advance(500);
  stream.checkDeadline(clock.now());
  await settle();
  assert.equal(told.at(-1), 'ended closed');
  stream.restart();
  assert.equal(stream.state, 'closed');
});

test('a bug of the owner in closing does not keep the stream from ending', async () => {
  const { owner, stream, log, transport, told } = begin();
  transport.write(HEADER);
  owner.onClosing = () => {
    throw new Error('a bug');
  };
  stream.close(new StreamError('conflict'));
  await settle();
  assert.equal(told.at(-1), 'ended error conflict');
  assert.equal(log.records.filter((record) => record.event === 'stream.bug').length, 1);
});

test('the reason is the first: a broken connection after an error is that error', async () => {
  const { stream, transport, told } = begin();
  transport.write(HEADER);
  stream.close(new StreamError('conflict'));
  transport.break();
  await settle();
  assert.deepEqual(told.slice(1), ['closing error', 'ended error conflict']);
  const lost = begin();
  lost.transport.write(HEADER);
  lost.transport.break(new Error('ECONNRESET'));
  assert.deepEqual(lost.told.slice(1), ['ended lost ECONNRESET']);
});

test('a shutdown closes with an error that is not held against the stream', async () => {
  const { stream, transport, told, sent } = begin();
  transport.write(HEADER);
  sent();
  stream.close(new StreamError('system-shutdown'), 'shutdown');
  await settle();
  assert.deepEqual(sent(), ['error system-shutdown']);
  assert.equal(told.at(-1), 'ended shutdown system-shutdown');
});
