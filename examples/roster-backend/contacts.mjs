// Who knows whom. Nothing here knows of XMPP but the shape of a contact list.

import { open, readFile, rename } from 'node:fs/promises';

const MAX_PEOPLE = 1000;
const MAX_GROUPS = 100;
const MAX_NAME = 64;
/** What the part of an address before the "@" must not contain: RFC 7622 §3.3. */
const NO_LOCALPART = /[\s"&'/:<>@\p{C}]/u;

/** An edit that cannot be made; the message is for the person at the page. */
export class Refusal extends Error {}

/**
 * People, friendships between two of them, and groups whose members all know each other, kept in a JSON file. Edits are made
 * one after the other, and each is on the disk before anybody sees it.
 */
export class Contacts {
  #file;
  #domain;
  #state;
  #editing = Promise.resolve();

  constructor(file, domain, state) {
    this.#file = file;
    this.#domain = domain;
    this.#state = state;
  }

  /** Reads the file; where there is none, nobody knows anybody yet. */
  static async open(file, domain) {
    const text = await readFile(file, 'utf8').catch((error) => {
      if (error.code !== 'ENOENT') throw error;
      return '{"people":[],"friendships":[],"groups":[]}';
    });
    const { people, friendships, groups } = JSON.parse(text);
    return new Contacts(file, domain, {
      /** Localpart to name. */
      people: new Map(people),
      /** Both localparts with a space between them, the lesser first. */
      friendships: new Set(friendships.map(([one, other]) => pair(one, other))),
      /** Name of the group to localparts. */
      groups: new Map(groups.map(([name, members]) => [name, new Set(members)])),
    });
  }

  get people() {
    return byName(this.#state.people.keys(), this.#state);
  }

  get groups() {
    return [...this.#state.groups.keys()].sort((a, b) => a.localeCompare(b));
  }

  nameOf(person) {
    return this.#state.people.get(person);
  }

  addressOf(person) {
    return `${person}@${this.#domain}`;
  }

  friendsOf(person) {
    const { people, friendships } = this.#state;
    return byName(
      [...people.keys()].filter((other) => friendships.has(pair(person, other))),
      this.#state,
    );
  }

  membersOf(group) {
    return byName(this.#state.groups.get(group) ?? [], this.#state);
  }

  /**
   * The contact list of a person as Parley reads it: addresses, each with a name and with the groups in which a client shows
   * it. Whoever is not here, or not any more, has no contacts.
   */
  listOf(person) {
    return listIn(this.#state, person, this.#domain);
  }

  /** Makes an edit and returns the people whose contact lists it has changed. Rejects with a Refusal. */
  edit(kind, fields) {
    const outcome = this.#editing.then(() => this.#edit(kind, fields));
    this.#editing = outcome.catch(() => {});
    return outcome;
  }

  async #edit(kind, fields) {
    const before = this.#state;
    const after = structuredClone(before);
    EDITS[kind](after, fields);
    await this.#write(after);
    this.#state = after;
    // Comparing everybody's lists is slow for a large school, and right for every kind of edit.
    const everybody = new Set([...before.people.keys(), ...after.people.keys()]);
    const textOf = (state, person) => JSON.stringify(listIn(state, person, this.#domain));
    return [...everybody].filter((person) => textOf(before, person) !== textOf(after, person));
  }

  // Into another file, which then takes the place of the first: whatever breaks meanwhile, one of the two is whole.
  async #write({ people, friendships, groups }) {
    const state = {
      people: [...people],
      friendships: [...friendships].map((friendship) => friendship.split(' ')),
      groups: [...groups].map(([name, members]) => [name, [...members]]),
    };
    const file = await open(`${this.#file}.new`, 'w', 0o600);
    try {
      await file.writeFile(`${JSON.stringify(state, null, 2)}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(`${this.#file}.new`, this.#file);
  }
}

/** What can be done to the state; fields are those of the forms. */
const EDITS = {
  'add-person'({ people }, { person, name }) {
    const local = person.normalize('NFC').toLowerCase();
    if (local === '' || local.length > MAX_NAME || NO_LOCALPART.test(local)) {
      throw new Refusal(`“${person}” cannot be the first part of an address.`);
    }
    if (people.has(local)) throw new Refusal(`There is a ${local} already.`);
    if (people.size >= MAX_PEOPLE) throw new Refusal(`There is room for ${MAX_PEOPLE} people.`);
    people.set(local, nameFrom(name === '' ? person : name));
  },

  'rename-person'({ people }, { person, name }) {
    people.set(known(people, person), nameFrom(name));
  },

  'remove-person'({ people, friendships, groups }, { person }) {
    people.delete(known(people, person));
    for (const friendship of friendships) if (friendship.split(' ').includes(person)) friendships.delete(friendship);
    for (const members of groups.values()) members.delete(person);
  },

  befriend({ people, friendships }, { person, other }) {
    const friend = found(people, other);
    if (known(people, person) === friend) throw new Refusal('Nobody is a friend of themselves here.');
    friendships.add(pair(person, friend));
  },

  unfriend({ friendships }, { person, other }) {
    friendships.delete(pair(person, other));
  },

  'add-group'({ groups }, { group }) {
    const name = nameFrom(group);
    if (groups.has(name)) throw new Refusal(`There is a group ${name} already.`);
    if (groups.size >= MAX_GROUPS) throw new Refusal(`There is room for ${MAX_GROUPS} groups.`);
    groups.set(name, new Set());
  },

  'remove-group'({ groups }, { group }) {
    groups.delete(group);
  },

  join({ people, groups }, { group, person }) {
    const members = groups.get(group);
    if (members === undefined) throw new Refusal(`There is no group ${group} any more.`);
    members.add(found(people, person));
  },

  leave({ groups }, { group, person }) {
    groups.get(group)?.delete(person);
  },
};

/** The names of all edits. */
export const EDIT_KINDS = Object.keys(EDITS);

function listIn({ people, friendships, groups }, person, domain) {
  const contacts = [];
  for (const [other, name] of people) {
    if (other === person) continue;
    const shared = [...groups].filter(([, members]) => members.has(person) && members.has(other));
    if (shared.length === 0 && !friendships.has(pair(person, other))) continue;
    const inGroups = Object.fromEntries(shared.map(([group]) => [group, true]));
    contacts.push([`${other}@${domain}`, shared.length === 0 ? { name } : { name, groups: inGroups }]);
  }
  return Object.fromEntries(contacts);
}

function pair(one, other) {
  return one < other ? `${one} ${other}` : `${other} ${one}`;
}

function byName(locals, { people }) {
  return [...locals].sort((a, b) => people.get(a).localeCompare(people.get(b)) || (a < b ? -1 : 1));
}

function nameFrom(text) {
  const name = text.normalize('NFC').replace(/\p{C}/gu, '');
  if (name === '') throw new Refusal('A name is missing.');
  if (name.length > MAX_NAME) throw new Refusal(`A name may have ${MAX_NAME} characters.`);
  return name;
}

/** Somebody whom a form of the page named; the person may be gone meanwhile. */
function known(people, person) {
  if (!people.has(person)) throw new Refusal(`There is no ${person} here.`);
  return person;
}

/** Somebody whom a person named: by the address or its first part, or by a name that only one has. */
function found(people, text) {
  const local = text.normalize('NFC').toLowerCase().split('@', 1)[0];
  if (people.has(local)) return local;
  const named = [...people].filter(([, name]) => name.toLowerCase() === text.toLowerCase());
  if (named.length > 1) throw new Refusal(`Several people are called ${text}: write the address.`);
  return known(people, named[0]?.[0] ?? text);
}
