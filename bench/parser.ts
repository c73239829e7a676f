// How long a stanza takes to parse: `npx tsx bench/parser.ts`. Rounds of all cases are interleaved, because a busy
// machine slows whole seconds at a time; the median round counts.

import { Parser as LtxParser } from '@xmpp/xml';
import { serialize } from '../src/xml/element.ts';
import { parseElement, XmlParser } from '../src/xml/parser.ts';

const HEADER =
  "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>";
const LIMITS = { maxBytes: 262_144, maxDepth: 64, maxAttributes: 64, maxChildren: 1024 };
const CHUNK_BYTES = 16_384;
const ROUNDS = 15;
const ROUND_BYTES = 400_000;

const CHAT =
  "<message from='romeo@montague.example/orchard' to='juliet@capulet.example/balcony' type='chat' id='a7f3c2d1-9b54'>" +
  '<body>Wherefore art thou, and will you come to the feast on Thursday evening?</body>' +
  "<active xmlns='http://jabber.org/protocol/chatstates'/><request xmlns='urn:xmpp:receipts'/>" +
  "<origin-id xmlns='urn:xmpp:sid:0' id='a7f3c2d1-9b54'/></message>";
const PRESENCE =
  "<presence from='romeo@montague.example/orchard'><show>away</show><priority>5</priority>" +
  "<c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='https://client.example' ver='q07IKJEyjvHSyhy//CH0CxmKi8w='/></presence>";
const ITEM = (i: number): string =>
  `<item jid='contact${i}@montague.example' name='Contact number ${i}' subscription='both'><group>Friends</group></item>`;
const ROSTER = `<iq type='result' id='r1'><query xmlns='jabber:iq:roster'>${Array.from({ length: 175 }, (_, i) => ITEM(i)).join('')}</query></iq>`;

const SAMPLES: Readonly<Record<string, string>> = {
  chat: CHAT,
  'chat, Cyrillic': CHAT.replace('Wherefore art thou', 'Зачем же ты Ромео'),
  presence: PRESENCE,
  'roster, 175 items': ROSTER,
};

interface Case {
  readonly name: string;
  /** Parses all chunks and returns how many stanzas there were. */
  readonly run: (chunks: readonly Buffer[]) => number;
}

function parley(chunks: readonly Buffer[]): number {
  let count = 0;
  const parser = new XmlParser({ header() {}, element: () => count++, ended() {} }, LIMITS);
  parser.write(Buffer.from(HEADER));
  for (const chunk of chunks) parser.write(chunk);
  return count;
}

function ltx(chunks: readonly Buffer[]): number {
  let count = 0;
  const parser = new LtxParser();
  parser.on('element', () => count++);
  parser.write(HEADER);
  for (const chunk of chunks) parser.write(chunk.toString());
  return count;
}

const CASES: readonly Case[] = [
  { name: 'parse', run: parley },
  { name: 'ltx', run: ltx },
];

function chunksOf(stanza: string, isWhole: boolean): Buffer[] {
  const stanzas = Array.from({ length: Math.ceil(ROUND_BYTES / stanza.length) }, () => Buffer.from(stanza));
  if (isWhole) return stanzas;
  const all = Buffer.concat(stanzas);
  const chunks: Buffer[] = [];
  for (let at = 0; at < all.length; at += CHUNK_BYTES) chunks.push(Buffer.from(all.subarray(at, at + CHUNK_BYTES)));
  return chunks;
}

function measure(runs: readonly (() => number)[]): number[] {
  const times = runs.map((): number[] => []);
  for (let round = 0; round < ROUNDS; round++) {
    runs.forEach((run, i) => {
      const start = process.hrtime.bigint();
      const count = run();
      times[i]?.push(Number(process.hrtime.bigint() - start) / 1000 / count);
    });
  }
  return times.map((samples) => samples.sort((a, b) => a - b)[samples.length >> 1] ?? Number.NaN);
}

const rows: Record<string, Record<string, string>> = {};
for (const [sample, xml] of Object.entries(SAMPLES)) {
  for (const isWhole of [false, true]) {
    const chunks = chunksOf(xml, isWhole);
    const medians = measure(
      CASES.map(
        ({ run }) =>
          () =>
            run(chunks),
      ),
    );
    const row: Record<string, string> = { bytes: String(Buffer.byteLength(xml)) };
    CASES.forEach(({ name }, i) => {
      row[`${name}, µs`] = (medians[i] ?? Number.NaN).toFixed(2);
    });
    rows[`${sample}; ${isWhole ? 'one per chunk' : '16 kB chunks'}`] = row;
  }
  const element = parseElement(xml);
  const [median] = measure([
    () => {
      for (let i = 0; i < 500; i++) serialize(element);
      return 500;
    },
  ]);
  rows[`${sample}; serialized`] = { 'serialize, µs': (median ?? Number.NaN).toFixed(2) };
}
console.table(rows);
