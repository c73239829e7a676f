import { serialize } from '../src/xml/element.ts';
import { parseElement, XmlParser } from '../src/xml/parser.ts';
import { type Bench, type Case, onCpu } from './runner.ts';

const HEADER =
  "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>";
const LIMITS = { maxBytes: 262_144, maxDepth: 64, maxAttributes: 64, maxChildren: 1024 };
const CHUNK_BYTES = 16_384;
const BATCH_BYTES = 65_536;

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
  'roster of 175': ROSTER,
};

/** Stanzas from bytes, as they come, and back to text. One unit is one stanza. */
export const parser: Bench = {
  name: 'parser',
  open: () => Object.entries(SAMPLES).flatMap(([name, xml]) => cases(name, xml)),
};

function cases(name: string, xml: string): Case[] {
  const stanzas = Array.from({ length: Math.ceil(BATCH_BYTES / xml.length) }, () => Buffer.from(xml));
  const element = parseElement(xml);
  return [
    onCpu(`${name}, in chunks of 16 KiB`, parsing(inChunks(stanzas))),
    onCpu(`${name}, one in each chunk`, parsing(stanzas)),
    onCpu(`${name}, written`, () => {
      for (const _ of stanzas) serialize(element);
      return stanzas.length;
    }),
  ];
}

function parsing(chunks: readonly Buffer[]): () => number {
  let parsed = 0;
  const parser = new XmlParser({ header() {}, element: () => parsed++, ended() {} }, LIMITS);
  parser.write(Buffer.from(HEADER));
  return () => {
    const before = parsed;
    for (const chunk of chunks) parser.write(chunk);
    return parsed - before;
  };
}

function inChunks(stanzas: readonly Buffer[]): Buffer[] {
  const all = Buffer.concat(stanzas);
  const chunks: Buffer[] = [];
  for (let at = 0; at < all.length; at += CHUNK_BYTES) chunks.push(Buffer.from(all.subarray(at, at + CHUNK_BYTES)));
  return chunks;
}
