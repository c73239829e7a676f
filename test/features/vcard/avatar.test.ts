import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import type { Feature } from '../../../src/core/feature.ts';
import { presence } from '../../../src/features/presence/index.ts';
import { roster } from '../../../src/features/roster/index.ts';
import { type VCards, vcardChanged, vcards } from '../../../src/features/vcard/api.ts';
import { Cards } from '../../../src/features/vcard/cards.ts';
import { vcard } from '../../../src/features/vcard/index.ts';
import { JID } from '../../../src/jid.ts';
import { serialize } from '../../../src/xml/element.ts';
import { assertXml } from '../../support/compare.ts';
import { DOMAIN, Stage, type StageOptions } from '../../support/stage.ts';
import type { StageClient } from '../../support/stage-client.ts';

const JULIET = `juliet@${DOMAIN}`;
const PNG = Buffer.from('89504e470d0a1a0a0000000d', 'hex');
const JPEG = Buffer.from('ffd8ffe000104a46494600', 'hex');
const X = 'xmlns="vcard-temp:x:update"';

function hash(data: Buffer): string {
  return createHash('sha1').update(data).digest('hex');
}

function card(data?: Buffer | string, type = 'image/png'): string {
  const encoded = typeof data === 'string' ? data : data?.toString('base64');
  const photo = encoded === undefined ? '' : `<PHOTO><TYPE>${type}</TYPE><BINVAL>${encoded}</BINVAL></PHOTO>`;
  return `<vCard xmlns="vcard-temp"><FN>Juliet</FN>${photo}</vCard>`;
}

function update(photo: Buffer | undefined): string {
  return photo === undefined ? `<x ${X}><photo/></x>` : `<x ${X}><photo>${hash(photo)}</photo></x>`;
}

function from(client: StageClient, to: string, payload: string): string {
  return `<presence from="${client.jid}" to="${to}">${payload}</presence>`;
}

/** Shows the service to the test. */
function probe(): Feature & { cards?: VCards; readonly changes: unknown[] } {
  const changes: unknown[] = [];
  return {
    name: 'probe',
    specs: [],
    changes,
    setup(host) {
      this.cards = host.use(vcards);
      host.observe(vcardChanged, ({ jid, card, photo }) => void changes.push([jid.toString(), card?.name, photo]));
    },
  };
}

async function scene(t: TestContext, options: Partial<StageOptions> = {}) {
  const spy = probe();
  const stage = await Stage.open(t, { features: [roster, vcard, presence, spy], ...options });
  const { phone, laptop, romeo } = await stage.connected({ phone: 'juliet', laptop: 'juliet', romeo: 'romeo' });
  await romeo.sends('<presence/>');
  await romeo.sends(`<presence to="${JULIET}" type="subscribe"/>`);
  await phone.sends(`<presence to="romeo@${DOMAIN}" type="subscribed"/>`);
  for (const client of [phone, laptop, romeo]) await client.forget();
  const { cards } = spy;
  assert.ok(cards);
  return { stage, phone, laptop, romeo, cards, changes: spy.changes };
}

test('presence that leaves says what photo there is, to contacts and to whom it is directed', async (t) => {
  const { phone, romeo, stage } = await scene(t);
  await phone.set(card(PNG));
  await phone.sends('<presence><show>away</show></presence>');
  await romeo.receives(from(phone, `romeo@${DOMAIN}`, `<show>away</show>${update(PNG)}`));
  const { tybalt } = await stage.connected({ tybalt: 'tybalt' });
  await phone.sends(`<presence to="${tybalt.jid}"/>`);
  await tybalt.receives(from(phone, tybalt.jid, update(PNG)));
  await romeo.sends(`<presence to="${JULIET}" type="probe"/>`);
  await romeo.receives(from(phone, romeo.jid, `<show>away</show>${update(PNG)}`));
});

test('what a client says of the photo is put right, but for its wish to show none', async (t) => {
  const { phone, romeo } = await scene(t);
  await phone.set(card(PNG));
  const right = update(PNG);
  const upper = `<x ${X}><photo>${hash(PNG).toUpperCase()}</photo></x>`;
  const presences = [
    [`<x ${X}/>`, right],
    [update(JPEG), right],
    [`<x ${X}><photo>nonsense</photo></x>`, right],
    [`<x ${X}/><x ${X}/>`, right],
    [right, right],
    [upper, upper],
    [update(undefined), update(undefined)],
  ] as const;
  for (const [said, heard] of presences) {
    await phone.sends(`<presence>${said}</presence>`);
    await romeo.receives(from(phone, `romeo@${DOMAIN}`, heard));
  }
});

test('a card without a photo says so, and without a card nothing is added', async (t) => {
  const { phone, romeo } = await scene(t);
  const presences = [
    ['', ''],
    [`<x ${X}/>`, update(undefined)],
    [update(JPEG), update(undefined)],
  ] as const;
  for (const [said, heard] of presences) {
    await phone.sends(`<presence>${said}</presence>`);
    await romeo.receives(from(phone, `romeo@${DOMAIN}`, heard));
  }
  await phone.set(card());
  await phone.sends('<presence/>');
  await romeo.receives(from(phone, `romeo@${DOMAIN}`, update(undefined)));
});

test('presence of other types is left alone', async (t) => {
  const { phone, romeo } = await scene(t);
  await phone.set(card(PNG));
  await phone.sends('<presence/>');
  await romeo.forget();
  await phone.sends('<presence type="unavailable"/>');
  await romeo.receives(`<presence from="${phone.jid}" to="romeo@${DOMAIN}" type="unavailable"/>`);
});

test('when the photo changes all who see the account are told, of each of its devices', async (t) => {
  const { phone, laptop, romeo, changes } = await scene(t);
  await phone.sends('<presence id="p1"><priority>5</priority></presence>');
  await laptop.sends(`<presence>${update(undefined)}</presence>`);
  for (const client of [phone, laptop, romeo]) await client.forget();
  await laptop.set(card(PNG));
  const both = (to: string, photo: Buffer | undefined) => [
    from(phone, to, `<priority>5</priority>${update(photo)}`),
    from(laptop, to, update(photo)),
  ];
  await romeo.receivesAll(both(`romeo@${DOMAIN}`, PNG));
  await phone.receivesAll(both(phone.jid, PNG));
  await laptop.receivesAll(both(laptop.jid, PNG));
  await laptop.set(card(PNG).replace('Juliet', 'Julia'));
  await romeo.receivesNothing();
  await laptop.set(card(JPEG));
  await romeo.receivesAll(both(`romeo@${DOMAIN}`, JPEG));
  await laptop.set('<vCard xmlns="vcard-temp"/>');
  await romeo.receivesAll(both(`romeo@${DOMAIN}`, undefined));
  assert.deepEqual(
    changes,
    [
      ['vCard', hash(PNG)],
      ['vCard', hash(PNG)],
      ['vCard', hash(JPEG)],
      [undefined, ''],
    ].map((change) => [JULIET, ...change]),
  );
});

test('the hash is known after a restart, also of cards from before hashes were kept', async (t) => {
  const { stage, phone } = await scene(t);
  await phone.set(card(PNG));
  await stage.close();
  const photos = stage.table({ name: 'vcard.photo', parse: String });
  const says = async (later: Stage, photo: Buffer) => {
    const { phone: again } = await later.connected({ phone: 'juliet' });
    await again.sends('<presence/>');
    await again.receives(from(again, again.jid, update(photo)));
    await later.close();
  };
  const { store, clock } = stage;
  const open = () => Stage.open(t, { features: [roster, vcard, presence], store, clock });
  assert.equal(await photos.get(DOMAIN, 'juliet'), hash(PNG));
  await says(await open(), PNG);
  await photos.delete([DOMAIN, 'juliet']);
  await says(await open(), PNG);
  assert.equal(await photos.get(DOMAIN, 'juliet'), hash(PNG));
});

test('the hash of an old card is not kept of a card that is removed meanwhile', async (t) => {
  let cards: Cards | undefined;
  const stage = await Stage.open(t, {
    features: [
      {
        name: 'probe',
        specs: [],
        setup(host) {
          cards = new Cards(host);
        },
      },
    ],
  });
  assert.ok(cards);
  const old = stage.table({ name: 'vcard', parse: String });
  const photos = stage.table({ name: 'vcard.photo', parse: String });
  for (let turns = 0; turns < 40; turns++) {
    const local = `juliet${turns}`;
    await old.put([DOMAIN, local], card(PNG));
    const read = cards.photoHash(local);
    for (let turn = 0; turn < turns; turn++) await undefined;
    await cards.set(local, undefined);
    await read;
    assert.equal(await photos.get(DOMAIN, local), undefined, `removed after ${turns} turns`);
  }
});

test('a photo is read whatever its white space and padding, and refused when it is no base64', async (t) => {
  const { phone, cards } = await scene(t);
  const encoded = PNG.toString('base64');
  for (const text of [`\n  ${encoded.slice(0, 5)}\n${encoded.slice(5)}\t`, encoded.replace(/=+$/, '')]) {
    await phone.set(card(text));
    assert.equal((await cards.photo('juliet'))?.hash, hash(PNG));
  }
  for (const text of ['?', 'AAAAA', 'AA=A', '====', 'data:image/png;base64,AAAA']) {
    assert.equal(await phone.refused('set', card(text)), 'not-acceptable', text);
  }
  assert.equal((await cards.photo('juliet'))?.hash, hash(PNG));
  const none = ['<PHOTO/>', '<PHOTO><BINVAL/></PHOTO>', '<PHOTO><EXTVAL>https://a.example/</EXTVAL></PHOTO>'];
  for (const photo of none) {
    await phone.set(card().replace('</vCard>', `${photo}</vCard>`));
    assert.equal(await cards.photo('juliet'), undefined);
  }
});

test('the type of a photo is what its bytes show, otherwise what the card says if that is an image', async (t) => {
  const { phone, cards } = await scene(t);
  const types = [
    [PNG, 'text/html', 'image/png'],
    [JPEG, 'image/png', 'image/jpeg'],
    [Buffer.from('GIF89a..'), '', 'image/gif'],
    [Buffer.from('RIFF\n\n\n\nWEBPVP8 '), '', 'image/webp'],
    [Buffer.from('something'), 'Image/SVG+xml', 'image/svg+xml'],
    [Buffer.from('something'), 'text/html', undefined],
    [Buffer.from('something'), `image/${'x'.repeat(65)}`, undefined],
  ] as const;
  for (const [data, said, type] of types) {
    await phone.set(card(data, said));
    assert.deepEqual(await cards.photo('juliet'), { data, type, hash: hash(data) });
  }
});

test('other features set the photo and leave the rest of the card as it is', async (t) => {
  const { phone, romeo, cards } = await scene(t, { config: { limits: { account: { vcardBytes: 300 } } } });
  await cards.setPhoto('juliet', undefined);
  assert.equal(await cards.get('juliet'), undefined);
  await phone.sends('<presence/>');
  await romeo.forget();
  await phone.set('<vCard xmlns="vcard-temp" version="3.0"><FN>Juliet</FN><X xmlns="urn:example:x"/></vCard>');
  await cards.setPhoto('juliet', { type: 'image/png', data: PNG });
  const read = await cards.get('juliet');
  assert.ok(read);
  assertXml(
    read,
    `<vCard xmlns="vcard-temp" version="3.0"><FN>Juliet</FN><X xmlns="urn:example:x"/>
       <PHOTO><TYPE>image/png</TYPE><BINVAL>${PNG.toString('base64')}</BINVAL></PHOTO></vCard>`,
  );
  await romeo.receives(from(phone, `romeo@${DOMAIN}`, update(PNG)));
  await assert.rejects(cards.setPhoto('juliet', { type: undefined, data: Buffer.alloc(300) }), {
    condition: 'policy-violation',
  });
  await cards.setPhoto('juliet', undefined);
  assert.equal(serialize((await cards.get('juliet')) ?? assert.fail()).includes('PHOTO'), false);
  await cards.set('nobody', undefined);
});

test('the hash goes with the account', async (t) => {
  const { stage, phone } = await scene(t);
  await phone.set(card(PNG));
  await stage.host.removeUser('juliet');
  const { phone: another } = await stage.connected({ phone: 'juliet' });
  await another.sends('<presence/>');
  await another.receives(from(another, another.jid, ''));
});

test('a card moves with its account, and one that is there stays', async (t) => {
  const { stage, phone, cards } = await scene(t);
  await phone.set(card(PNG));
  const part = stage.host.portable.find(({ name }) => name === 'vCards');
  assert.ok(part);
  const [juliet, romeo] = [JID.parse(JULIET), JID.parse(`romeo@${DOMAIN}`)];
  const counts = { took: 0, had: 0 };
  const tally = {
    formerJid: juliet,
    took: () => void counts.took++,
    had: () => void counts.had++,
    skipped: () => assert.fail(),
  };
  for await (const element of part.export(juliet)) {
    for (let i = 0; i < 2; i++) assert.equal(await part.import(romeo, element, tally), true);
  }
  assert.deepEqual(counts, { took: 1, had: 1 });
  assert.equal((await cards.photo('romeo'))?.hash, hash(PNG));
});
