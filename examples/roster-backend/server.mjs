// An application that owns contact lists. Parley asks it for them, and is told when one has changed. See README.md.

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { Contacts, EDIT_KINDS, Refusal } from './contacts.mjs';
import { anchor, page } from './pages.mjs';
import { Parley } from './parley.mjs';

const {
  HOST = '127.0.0.1',
  PORT = '8080',
  /** The name of this machine in the page's URL, if it is used from others by its name. */
  PAGE_HOST,
  DATA_DIR = join(import.meta.dirname, 'data'),
  XMPP_DOMAIN = 'localhost',
  PARLEY_URL = 'http://127.0.0.1:5280',
  /** If given, Parley has to show it: `auth.bearer` in its configuration. */
  CONTACTS_TOKEN,
} = process.env;

const MAX_BODY_BYTES = 65_536;
const HEADERS = {
  'cache-control': 'no-cache',
  'content-security-policy':
    "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
};

await mkdir(DATA_DIR, { recursive: true, mode: 0o700 });
const secretFile = join(DATA_DIR, 'refresh-secret');
const contacts = await Contacts.open(join(DATA_DIR, 'contacts.json'), XMPP_DOMAIN);
const parley = new Parley({ url: PARLEY_URL, domain: XMPP_DOMAIN, secret: await readSecret(secretFile) });
const style = await readFile(new URL('style.css', import.meta.url), 'utf8');

/** Method and first step of the path to what answers. */
const ROUTES = {
  'GET ': () => showPage(200),
  'GET style.css': () => ({ status: 200, type: 'text/css; charset=utf-8', text: style }),
  'POST edit': edit,
  'GET contacts': contactList,
  'POST contacts': contactLists,
};

/** The contact list of one person, with an ETag: Parley sends it back, and an unchanged list is not sent again. */
function contactList({ headers }, person) {
  if (!isParley(headers)) return unauthorized();
  if (person === '') return plain(404, 'Whose contacts?');
  const text = JSON.stringify(contacts.listOf(person));
  const etag = `"${createHash('sha256').update(text).digest('base64url')}"`;
  const known = (headers['if-none-match'] ?? '').split(',').map((tag) => tag.trim().replace(/^W\//, ''));
  if (known.includes(etag) || known.includes('*')) return { status: 304, headers: { etag } };
  return { status: 200, type: 'application/json', text, headers: { etag } };
}

/** The contact lists of several people: an array of names is answered by an object with a list for each. */
async function contactLists(request) {
  if (!isParley(request.headers)) return unauthorized();
  const people = parseJson(await readBody(request));
  if (!Array.isArray(people) || !people.every((person) => typeof person === 'string')) {
    return plain(400, 'An array of names is expected.');
  }
  const lists = Object.fromEntries(people.map((person) => [person, contacts.listOf(person)]));
  return { status: 200, type: 'application/json', text: JSON.stringify(lists) };
}

/** Makes an edit that a form of the page asks for, tells Parley, and shows the page again. */
async function edit(request, kind) {
  if (isForged(request)) return plain(403, 'This was sent by another site.');
  if (!EDIT_KINDS.includes(kind)) return plain(404, 'There is no such edit.');
  const form = new URLSearchParams(await readBody(request));
  const field = (name) => (form.get(name) ?? '').trim();
  const fields = { person: field('person'), other: field('other'), name: field('name'), group: field('group') };
  try {
    await parley.changed(await contacts.edit(kind, fields));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    return showPage(422, error.message);
  }
  const part = form.has('group') ? anchor('group', fields.group) : anchor('person', fields.person.toLowerCase());
  return { status: 303, headers: { location: `/#${part}` } };
}

function showPage(status, refusal) {
  return { status, type: 'text/html; charset=utf-8', text: page(contacts, parley.status, refusal) };
}

/**
 * Whether another site has made somebody's browser send this. Browsers say where a request comes from; what is no browser
 * cannot be misled.
 */
function isForged({ headers }) {
  const site = headers['sec-fetch-site'];
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  return headers.origin !== undefined && headers.origin.replace(/^https?:\/\//, '') !== headers.host;
}

/** Whether the page is asked for by a name that is ours: another site may let its own name point here and read the answers. */
function isOurName(host) {
  const name = /^(.*?)(?::\d+)?$/.exec(host)[1].replace(/^\[(.*)\]$/, '$1');
  return isIP(name) !== 0 || name === 'localhost' || name === PAGE_HOST;
}

function isParley({ authorization = '' }) {
  if (CONTACTS_TOKEN === undefined) return true;
  // Hashed, because values of the same length can be compared without telling by the time where they differ.
  const digest = (text) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(authorization), digest(`Bearer ${CONTACTS_TOKEN}`));
}

function unauthorized() {
  return { ...plain(401, 'A token is needed.'), headers: { 'www-authenticate': 'Bearer' } };
}

function plain(status, text) {
  return { status, type: 'text/plain; charset=utf-8', text: `${text}\n` };
}

async function readBody(request) {
  const chunks = [];
  let bytes = 0;
  for await (const chunk of request) {
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) throw Object.assign(new Error('That is too much.'), { status: 413 });
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function parseJson(text) {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function answer(request) {
  if (!isOurName(request.headers.host ?? '')) return plain(421, 'Set PAGE_HOST to the name of this machine.');
  const [, first, rest = ''] = /^\/([^/?]*)(?:\/([^/?]*))?(?:\?|$)/.exec(request.url) ?? [];
  const route = ROUTES[`${request.method === 'HEAD' ? 'GET' : request.method} ${first}`];
  if (route === undefined) return plain(404, 'There is nothing here.');
  try {
    return await route(request, decodeURIComponent(rest));
  } catch (error) {
    if (error instanceof URIError) return plain(400, 'This is no path.');
    if (error.status !== undefined) return plain(error.status, error.message);
    console.error(error);
    return plain(500, 'That went wrong.');
  }
}

/** What signs the calls to Parley; made at the first start. */
async function readSecret(file) {
  await writeFile(file, randomBytes(32).toString('base64url'), { flag: 'wx', mode: 0o600 }).catch((error) => {
    if (error.code !== 'EEXIST') throw error;
  });
  return (await readFile(file, 'utf8')).trim();
}

const server = createServer(async (request, response) => {
  const { status, type, text = '', headers } = await answer(request);
  // What is left of a body that nobody wanted to read would be taken for the next request.
  if (!request.complete) response.setHeader('connection', 'close');
  response.writeHead(status, { ...HEADERS, ...(type === undefined ? {} : { 'content-type': type }), ...headers });
  response.end(request.method === 'HEAD' ? '' : text);
});

server.listen(Number(PORT), HOST, () => {
  const { address, port } = server.address();
  const url = `http://${isIP(address) === 6 ? `[${address}]` : address}:${port}`;
  const auth = CONTACTS_TOKEN === undefined ? {} : { auth: { bearer: { env: 'CONTACTS_TOKEN' } } };
  const delegatedRoster = { url: `${url}/contacts/%s`, ...auth, refresh: { hmacSecrets: [{ file: secretFile }] } };
  const configuration = { hosts: { [XMPP_DOMAIN]: { features: { roster: false, delegatedRoster } } } };
  console.log(`The contacts are at ${url}/`);
  console.log(`In Parley's configuration:\n${JSON.stringify(configuration, null, 2)}`);
  // What was edited right before an earlier run ended may not have been told.
  void parley.changed(contacts.people);
});

server.on('error', ({ message }) => {
  console.error(message);
  process.exitCode = 1;
});

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => server.close());
