import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StageClient } from '../../support/stage-client.ts';
import { arrives, BODY, carbon, JULIET, message, NS, openStage, ROMEO, receiveNothing } from './scene.ts';

const ROOM = 'orchard@rooms.example';
const RECEIPT = "<received xmlns='urn:xmpp:receipts' id='r1'/>";
const COMPOSING = "<composing xmlns='http://jabber.org/protocol/chatstates'/>";
const MARKER = "<displayed xmlns='urn:xmpp:chat-markers:0' id='m1'/>";
const DIRECT_INVITATION = `<x xmlns='jabber:x:conference' jid='${ROOM}'/>`;
const MEDIATED_INVITATION = `<x xmlns='http://jabber.org/protocol/muc#user'><invite to='${ROMEO}'/></x>`;
const IN_ROOM = "<x xmlns='http://jabber.org/protocol/muc#user'/>";
const PRIVATE = `<private xmlns='${NS}'/>`;
const NO_COPY = "<no-copy xmlns='urn:xmpp:hints'/>";
const OTHER = "<x xmlns='urn:example'/>";

type Types = readonly string[];
const ALL: Types = ['chat', 'normal', 'headline', 'groupchat'];
const NONE: Types = [];
const NOT_IN_ROOMS: Types = ['chat', 'normal', 'headline'];

/** What a message contains, and of which types it is copied. */
const RULES: readonly (readonly [content: string, copied: Types])[] = [
  [BODY, ['chat', 'normal']],
  ['', ['chat']],
  [OTHER, ['chat']],
  [RECEIPT, NOT_IN_ROOMS],
  [COMPOSING, NOT_IN_ROOMS],
  [MARKER, NOT_IN_ROOMS],
  [OTHER + COMPOSING, NOT_IN_ROOMS],
  [DIRECT_INVITATION, NOT_IN_ROOMS],
  [MEDIATED_INVITATION, NOT_IN_ROOMS],
  [BODY + PRIVATE, NONE],
  [PRIVATE + COMPOSING, NONE],
  [BODY + NO_COPY, NONE],
  [BODY + PRIVATE + NO_COPY, NONE],
  [DIRECT_INVITATION + PRIVATE, NONE],
  [MEDIATED_INVITATION + NO_COPY, NONE],
];

function parts(type: string, to: string): string {
  return `to='${to}'${type === 'normal' ? '' : ` type='${type}'`}`;
}

test('of the messages that are received, those of conversations are copied', async (t) => {
  const { home, garden, street, balcony } = await openStage(t);
  for (const [content, copied] of RULES) {
    for (const type of ALL) {
      await balcony.sends(message(parts(type, `${ROMEO}/garden`), content));
      const original = message(`from='${JULIET}/balcony' ${parts(type, `${ROMEO}/garden`)}`, content);
      // Its recipient sees it as it was sent, whether it is private or not.
      await garden.receives(original);
      if (copied.includes(type)) await home.receives(carbon('received', 'home', original, type));
      await receiveNothing(home, garden, street);
    }
  }
});

test('of the messages that are sent, those of conversations are copied', async (t) => {
  const { home, garden, street, balcony } = await openStage(t);
  for (const [content, copied] of RULES) {
    for (const type of ALL) {
      await home.sends(message(parts(type, `${JULIET}/balcony`), content));
      const original = message(`from='${ROMEO}/home' ${parts(type, `${JULIET}/balcony`)}`, content);
      await balcony.receives(original);
      if (copied.includes(type)) await garden.receives(carbon('sent', 'garden', original, type));
      await receiveNothing(home, garden, street);
    }
  }
});

test('what an occupant of a room writes to another is copied when it is sent, and not when it is received', async (t) => {
  const { stage, home, garden, street } = await openStage(t);
  arrives(stage, message(`from='${ROOM}/juliet' to='${ROMEO}/garden' type='chat'`, BODY + IN_ROOM));
  await garden.nextNamed('message');
  await receiveNothing(home, street);
  // From the room itself it is a message like any other.
  const fromRoom = message(`from='${ROOM}' to='${ROMEO}/garden' type='chat'`, BODY + IN_ROOM);
  arrives(stage, fromRoom);
  await garden.receives(fromRoom);
  await home.receives(carbon('received', 'home', fromRoom));
  const invited = message(`from='${ROOM}' to='${ROMEO}/garden'`, MEDIATED_INVITATION);
  arrives(stage, invited);
  await garden.receives(invited);
  await home.receives(carbon('received', 'home', invited, 'normal'));
  await home.sends(message(`to='${ROOM}/juliet' type='chat'`, BODY + IN_ROOM));
  const sent = message(`from='${ROMEO}/home' to='${ROOM}/juliet' type='chat'`, BODY + IN_ROOM);
  await garden.receives(carbon('sent', 'garden', sent));
});

/** An error for one of Romeo's sessions, as it arrives. */
function error(id: string, from: string, to: string, more = ''): string {
  return message(
    `from='${from}' to='${to}' id='${id}' type='error'`,
    `${more}<error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>`,
  );
}

test('an error is copied when it answers a message that was', async (t) => {
  const { stage, home, garden, street } = await openStage(t);
  const to = `${ROMEO}/street`;
  const expectCopies = async (xml: string, clients: Readonly<Record<string, StageClient>>): Promise<void> => {
    arrives(stage, xml);
    await street.receives(xml);
    for (const [resource, client] of Object.entries(clients)) {
      await client.receives(carbon('received', resource, xml, 'error'));
    }
    await receiveNothing(home, garden, street);
  };
  const others = 'friar@cell.example';
  await street.sends(message(`to='${others}' id='a' type='chat'`));
  await street.sends(message(`to='${others}' id='b' type='chat'`, BODY + PRIVATE));
  await street.sends(message(`to='${ROOM}' id='c' type='groupchat'`, BODY + COMPOSING));
  await street.sends(message(`to='${others}' id='d' type='chat'`, BODY + NO_COPY));
  for (const client of [home, garden, street]) await client.forget();
  await expectCopies(error('a', others, to), { home, garden });
  // The device that could not take it may be one of several.
  await expectCopies(error('a', `${others}/desk`, to, BODY), { home, garden });
  await expectCopies(error('a', others, to, BODY + PRIVATE), {});
  await expectCopies(error('a', 'tybalt@cell.example', to), {});
  await expectCopies(error('b', others, to), {});
  await expectCopies(error('c', ROOM, to, BODY + COMPOSING), {});
  await expectCopies(error('d', others, to), {});
  await expectCopies(error('e', others, to), {});
  await expectCopies(error('a', others, to).replace("id='a' ", ''), {});
});

test('an error that a device sends is copied when what it answers was', async (t) => {
  const { home, garden, street, balcony } = await openStage(t);
  await balcony.sends(message(`to='${ROMEO}' id='a' type='chat'`));
  for (const client of [home, garden, street]) await client.nextNamed('message');
  await street.sends(error('a', `${ROMEO}/street`, `${JULIET}/balcony`));
  await balcony.receives(error('a', `${ROMEO}/street`, `${JULIET}/balcony`));
  for (const [resource, client] of Object.entries({ home, garden })) {
    await client.receives(carbon('sent', resource, error('a', `${ROMEO}/street`, `${JULIET}/balcony`), 'error'));
  }
  await street.sends(error('b', `${ROMEO}/street`, `${JULIET}/balcony`));
  await receiveNothing(home, garden, street);
});

test('an error of our own for a message that was copied is copied', async (t) => {
  const { home, garden, street } = await openStage(t);
  await home.sends(message(`to='nobody@stage.example' id='a' type='chat'`));
  const answer = await home.nextNamed('message');
  assert.equal(answer.attrs['type'], 'error');
  await garden.receives(
    carbon('sent', 'garden', message(`from='${ROMEO}/home' to='nobody@stage.example' id='a' type='chat'`)),
  );
  const copy = await garden.nextNamed('message');
  assert.equal(copy.attrs['type'], 'error');
  await receiveNothing(home, garden, street);
});

test('an error for a copy is nobody else s business', async (t) => {
  const { stage, home, garden, street, balcony } = await openStage(t);
  await balcony.sends(message(`to='${ROMEO}/garden' id='a' type='chat'`));
  await garden.nextNamed('message');
  await home.nextNamed('message');
  await home.sends(error('a', `${ROMEO}/home`, ROMEO));
  arrives(stage, error('x', `${ROMEO}/home`, ROMEO));
  await receiveNothing(home, garden, street, balcony);
});

test('of the errors for the last sixty-four messages, each is known', async (t) => {
  const { stage, home, garden, street } = await openStage(t);
  for (let i = 0; i <= 64; i++) await street.sends(message(`to='friar@cell.example' id='${i}' type='chat'`));
  for (const client of [home, garden, street]) await client.forget();
  for (const id of [0, 1, 64]) arrives(stage, error(String(id), 'friar@cell.example', `${ROMEO}/street`));
  await home.nextNamed('message');
  await home.nextNamed('message');
  await receiveNothing(home);
});
