// A longer search for faults in the XML parser: `npx tsx test/fuzz/xml.ts [seconds]`.
// Well-formed and damaged streams are read whole and in pieces, and judged by saxes and, where it is installed, expat.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { serialize } from '../../src/xml/element.ts';
import { NS_CLIENT } from '../../src/xml/ns.ts';
import { parseElement } from '../../src/xml/parser.ts';
import { edits, mutate, streams } from '../xml/documents.ts';
import { cutsEvery, hasPaddedNamespace, judge, read } from '../xml/reading.ts';

const XMLWF = '/usr/bin/xmlwf';
const BATCH = 200;
/** Starting a process takes longer than anything else here, so expat judges many documents at a time. */
const PER_PROCESS = 50;

const seconds = Number(process.argv[2] ?? 10);
const folder = mkdtempSync(join(tmpdir(), 'parley-fuzz-'));
const forExpat: Buffer[] = [];
let documents = 0;
let accepted = 0;
let judgedByExpat = 0;

function check(bytes: Buffer, mustBeAccepted: boolean): void {
  documents++;
  const whole = read(bytes);
  const inPieces = read(bytes, cutsEvery(1 + (documents % 7), bytes.length));
  assert.deepEqual(inPieces.stanzas, whole.stanzas);
  const isAccepted = whole.hasEnded && whole.error === undefined;
  assert.equal(inPieces.hasEnded && inPieces.error === undefined, isAccepted);
  if (mustBeAccepted) assert.ok(isAccepted);
  if (!isAccepted) return;
  accepted++;
  const trees = whole.stanzas.map(({ element }) => element);
  if (whole.headers[0]?.contentNamespace === NS_CLIENT) {
    for (const tree of trees) assert.deepEqual(parseElement(serialize(tree)), tree);
  }
  if (!hasPaddedNamespace(bytes)) assert.deepEqual(trees, judge(bytes));
  forExpat.push(withOldNames(bytes));
  if (forExpat.length === PER_PROCESS) askExpat();
}

/** Expat knows the names of the fourth edition of XML 1.0: characters beyond ASCII in tags become letters of ASCII. */
function withOldNames(bytes: Buffer): Buffer {
  const text = bytes.toString();
  // In a tag, and not in the value of an attribute, which may hold what ends a tag.
  return /<(?:[^\P{ASCII}>'"]|'[^']*'|"[^"]*")*[^\p{ASCII}]/u.test(text)
    ? Buffer.from(text.replace(/[^\p{ASCII}]/gu, 'u'))
    : bytes;
}

/** Asserts that expat, too, finds well-formed what was accepted. */
function askExpat(): void {
  const asked = forExpat.splice(0);
  if (!existsSync(XMLWF) || asked.length === 0) return;
  const files = asked.map((bytes, i) => {
    const file = join(folder, `${i}.xml`);
    writeFileSync(file, bytes);
    return file;
  });
  const { stdout } = spawnSync(XMLWF, ['-n', ...files], { encoding: 'utf8' });
  assert.equal(stdout, '', 'expat refuses what was accepted');
  judgedByExpat += asked.length;
}

try {
  const deadline = performance.now() + seconds * 1000;
  while (performance.now() < deadline) {
    fc.assert(
      fc.property(streams, edits, (stream, changes) => {
        check(Buffer.from(stream), true);
        check(mutate(stream, changes), false);
      }),
      { numRuns: BATCH },
    );
  }
  askExpat();
  console.log(
    `${documents} documents, ${accepted} accepted, ${judgedByExpat} of them judged by expat as well: no fault`,
  );
} finally {
  rmSync(folder, { recursive: true });
}
